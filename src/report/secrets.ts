import { setSecret } from '@actions/core';
import { escapeCommands, stripControls, truncate } from './sanitize.ts';

/** The secrets of this step: masked in the log by the runner, and elsewhere by {@link redact}. */
export class Secrets {
  readonly #values = new Set<string>();

  /** Masks a secret from now on, in the log and in everything that is redacted. */
  add(secret: string): void {
    setSecret(secret);
    this.#values.add(secret);
    this.#values.add(encodeURIComponent(secret.toWellFormed()));
  }

  /** Replaces every secret in a text: the runner masks the log, but no file. */
  redact(text: string): string {
    const longestFirst = [...this.#values].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  }

  /**
   * Makes text from outside one harmless line of at most `max` UTF-16 code units. Secrets are hidden
   * before it is cut, or a part of one would be left, and after control characters are gone, or a
   * secret with one in it would be overlooked.
   */
  clean(text: string, max: number): string {
    return truncate(escapeCommands(this.redact(stripControls(text))), max);
  }
}
