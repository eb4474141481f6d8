import fc from 'fast-check';

/** A secret as inputs accept it, but for the character that stands for one. */
export const secretText = fc.stringMatching(/^[!-)+-~]{8,40}$/);

/** How an encoder treats each character: leaves it, or encodes it with digits of either case. */
type Choice = 'plain' | 'lower' | 'upper';

/** A text in any percent-encoding: any of its characters, in either case, up to three times. */
export function percentEncoded(text: string): fc.Arbitrary<string> {
  const choice = fc.constantFrom<Choice>('plain', 'lower', 'upper');
  const choices = fc.array(choice, { minLength: 1, maxLength: 9 });
  return fc
    .array(choices, { minLength: 1, maxLength: 3 })
    .map((layers) => layers.reduce((encoded, layer) => encodeBy(encoded, layer), text));
}

/** A secret in the forms that libraries give it in URLs and forms. */
export function libraryForms(secret: string): readonly string[] {
  const component = encodeURIComponent(secret);
  const rfc3986 = component.replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const form = new URLSearchParams({ a: secret }).toString().slice(2);
  // They encode percent signs, so that each is the begin of an encoded byte.
  const complete = [component, rfc3986, form];
  const lowerCase = complete.map((one) => one.replace(/%../g, (byte) => byte.toLowerCase()));
  const url = new URL('https://example.com');
  url.search = `?a=${secret.replaceAll('#', '%23')}`;
  const all = [secret, encodeURI(secret), url.search.slice(3), ...complete, ...lowerCase];
  return [...new Set([...all, ...all.map(encodeURIComponent)])];
}

/** Every text that is read if a text is percent-decoded again and again. */
export function decodings(text: string): readonly string[] {
  const texts = [text];
  for (
    let current = text, next = decode(text);
    next !== current;
    current = next, next = decode(next)
  ) {
    texts.push(next);
  }
  return texts;
}

function encodeBy(text: string, choices: readonly Choice[]): string {
  return [...text]
    .map((character, index) => {
      const choice = choices[index % choices.length];
      if (choice === 'plain') return character;
      const bytes = [...Buffer.from(character)].map((byte) => byte.toString(16).padStart(2, '0'));
      const encoded = `%${bytes.join('%')}`;
      return choice === 'upper' ? encoded.toUpperCase() : encoded;
    })
    .join('');
}

function decode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
