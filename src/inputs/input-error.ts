/** A bad input: nothing has been sent. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly input: string;

  /**
   * @param input the input or variable that is wrong
   * @param takes what it takes, as in 'takes true or false'
   * @param value what it was given, whole: whoever prints it hides secrets in it before it is cut.
   *   Left out where it is one
   */
  constructor(input: string, takes: string, value?: string) {
    super(`${input} ${takes}${value === undefined ? '' : `, not '${value}'`}`);
    this.input = input;
  }
}
