/** An invalid input: nothing has been sent. */
export class InputError extends Error {
  override readonly name = 'InputError';

  /**
   * @param input the invalid input or variable
   * @param mustBe what it must be, as in 'must be true or false'
   * @param value what it is, whole: whoever prints it hides secrets in it before it is cut. Left out
   *   for a secret
   */
  constructor(input: string, mustBe: string, value?: string) {
    super(`${input} ${mustBe}${value === undefined ? '' : `, not '${value}'`}`);
  }
}
