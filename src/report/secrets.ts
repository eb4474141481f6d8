import { setSecret } from '@actions/core';
import { escapeCommands, stripControls, truncate } from './sanitize.ts';

const MASK = '***';
const PERCENT = 0x25;
const HEX_DIGITS = '0123456789abcdef';
// A URL within a URL within a URL: nobody encodes more often.
const MAX_ENCODINGS = 3;

/** The secrets of this step: masked in the log by the runner, and in every text by {@link redact}. */
export class Secrets {
  /** In every form that is looked for. */
  readonly #forms = new Set<string>();

  /** Masks a secret from now on, in the log and in everything that is redacted. */
  add(secret: string): void {
    // Nothing would be found everywhere.
    if (secret === '') return;
    setSecret(secret);
    // Forms encode a space as a plus sign, JSON a quotation mark with a backslash.
    const forms = [secret, secret.replaceAll(' ', '+'), JSON.stringify(secret).slice(1, -1)];
    for (const form of forms) this.#forms.add(form.toWellFormed());
  }

  /**
   * Replaces every secret in a text, as it is and in any percent-encoding: the runner masks the log,
   * but no file, and only what it was told. Each text is redacted before it is cut.
   */
  redact(text: string): string {
    const forms = [...this.#forms];
    const wellFormed = text.toWellFormed();
    // So it is with nearly every text, and reading its bytes takes longer.
    if (!text.includes('%') && !forms.some((form) => wellFormed.includes(form))) return text;
    const bytes = toBytes(text);
    const readings = readPercentSigns(bytes);
    const spans = forms.flatMap((form) =>
      findSecret({ text: bytes, readings, secret: toBytes(form) }),
    );
    if (spans.length === 0) return text;
    let redacted = '';
    let done = 0;
    for (const { from, to } of spans.sort((a, b) => a.from - b.from)) {
      // One that overlaps the last extends it.
      if (from >= done) redacted += bytes.slice(done, from) + MASK;
      done = Math.max(done, to);
    }
    return fromBytes(redacted + bytes.slice(done));
  }

  /**
   * Makes text from outside one harmless line of at most `max` UTF-16 code units. Secrets are hidden
   * before it is cut, or a part of one would be left. They are looked for before and after control
   * characters are gone: one may be part of a secret, or take the place of a space in it.
   */
  sanitize(text: string, max: number): string {
    const redacted = this.redact(text);
    const line = stripControls(redacted);
    return truncate(escapeCommands(line === redacted ? line : this.redact(line)), max);
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** A byte that a place in a text may be read as, and where what comes next begins. */
interface Reading {
  readonly byte: number;
  readonly end: number;
}

/** All that each percent sign which may encode something may be read as, by its place. */
type Readings = ReadonlyMap<number, readonly Reading[]>;

interface Search {
  readonly text: string;
  readonly readings: Readings;
  readonly secret: string;
}

function readPercentSigns(text: string): Readings {
  const readings = new Map<number, readonly Reading[]>();
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at + 1)) {
    const ways = readByte(text, at, MAX_ENCODINGS);
    if (ways.length > 1) readings.set(at, ways);
  }
  return readings;
}

/** @returns the reading of the least encodings first */
function readByte(text: string, at: number, encodings: number): Reading[] {
  const readings = [{ byte: text.charCodeAt(at), end: at + 1 }];
  if (encodings === 0 || text.charCodeAt(at) !== PERCENT) return readings;
  // The percent sign and the digits of an encoded byte may be encoded themselves.
  const inner = encodings - 1;
  for (const percent of readByte(text, at, inner).filter(({ byte }) => byte === PERCENT)) {
    for (const high of readDigit(text, percent.end, inner)) {
      for (const low of readDigit(text, high.end, inner)) {
        readings.push({ byte: hexDigit(high.byte) * 16 + hexDigit(low.byte), end: low.end });
      }
    }
  }
  return readings;
}

function readDigit(text: string, at: number, encodings: number): readonly Reading[] {
  const code = text.charCodeAt(at);
  if (code !== PERCENT) return hexDigit(code) < 0 ? [] : [{ byte: code, end: at + 1 }];
  return readByte(text, at, encodings).filter(({ byte }) => hexDigit(byte) >= 0);
}

/** The value of a hexadecimal digit in either case; -1 for any other character. */
function hexDigit(code: number): number {
  return HEX_DIGITS.indexOf(String.fromCharCode(code).toLowerCase());
}

/** Finds a secret, as it is or with any of its bytes percent-encoded. */
function findSecret(search: Search): Span[] {
  const { text, readings, secret } = search;
  const spans: Span[] = [];
  const { length } = secret;
  for (let from = text.indexOf(secret); from >= 0; from = text.indexOf(secret, from + length)) {
    spans.push({ from, to: from + length });
  }
  let from = 0;
  for (const percent of readings.keys()) {
    while (from <= percent) {
      const to = endOfEncoded(search, from, percent);
      if (to !== undefined) spans.push({ from, to });
      from = to ?? from + 1;
    }
  }
  return spans;
}

/** Where a secret ends that begins as it is, up to the percent sign of its first encoded byte. */
function endOfEncoded(search: Search, from: number, percent: number): number | undefined {
  const { text, secret } = search;
  const plain = percent - from;
  // Nearly every place is ruled out by its first character.
  if (plain > 0 && text.charCodeAt(from) !== secret.charCodeAt(0)) return undefined;
  if (plain >= secret.length || text.length - from < secret.length) return undefined;
  if (plain > 0 && text.slice(from, percent) !== secret.slice(0, plain)) return undefined;
  return endOfRest(search, percent, plain);
}

/** Where a secret ends whose first `done` bytes end at a place. */
function endOfRest(search: Search, place: number, done: number): number | undefined {
  const { text, readings, secret } = search;
  let end = place;
  for (let index = done; index < secret.length; index++) {
    const byte = secret.charCodeAt(index);
    const ways = readings.get(end);
    if (ways === undefined) {
      if (text.charCodeAt(end) !== byte) return undefined;
      end += 1;
      continue;
    }
    // A percent sign in a secret may stand for itself or begin one that is encoded.
    const [plainest, ...others] = ways.filter((way) => way.byte === byte);
    if (plainest === undefined) return undefined;
    for (const other of others.reverse()) {
      const to = endOfRest(search, other.end, index + 1);
      if (to !== undefined) return to;
    }
    end = plainest.end;
  }
  return end;
}

/** Text in UTF-8, one character for each byte. */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
