import { appendFileSync } from 'node:fs';
import type { Advice } from './advice.ts';
import type { Problem } from './problem.ts';
import { escapeHtml } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

// The runner accepts 1 MiB for each step, and drops a longer one as a whole.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
const MAX_BYTES = 1_000_000;
const MAX_CELL = 300;
const MAX_TEXT = 2_000;
// What a table needs besides its rows.
const TABLE_BYTES = 300;

/** A table of a summary: three or four columns fit GitHub's width. */
export interface SummaryTable {
  /** If it is folded away: what stands in its place. */
  readonly folded: string | undefined;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A cell of text, or of what comes from outside. */
export type Cell = string | { readonly code: string };

/** What a summary tells: a problem, or that there is none. */
export type Story = Problem | { readonly headline: string };

/** Appends to the job summary with one call, which loads nothing else. */
export function appendSummary(file: string, html: string): void {
  appendFileSync(file, html);
}

/** Writes summaries as HTML, in which nothing from outside is markup. */
export class SummaryWriter {
  readonly #secrets: Secrets;
  readonly #docsUrl: string | undefined;

  /** @param docsUrl where docs/troubleshooting.md is; without it, nothing is linked */
  constructor(secrets: Secrets, docsUrl: string | undefined) {
    this.#secrets = secrets;
    this.#docsUrl = docsUrl;
  }

  /** The summary of one task: heading, cause, what to do, details. */
  ofOne(story: Story, details: readonly (readonly [string, string])[]): string {
    const rows = details
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `<tr><td>${name}</td><td>${this.#code(value, MAX_CELL)}</td></tr>\n`);
    const table = rows.length === 0 ? '' : `<table>\n${rows.join('')}</table>\n`;
    return `${this.#heading(story)}${this.#causes(story)}${this.#whatToDo(story)}${table}\n`;
  }

  /** The summary of several tasks: heading, tables, and what to do below them. */
  ofSeveral(story: Story, tables: readonly SummaryTable[]): string {
    const end = `${this.#whatToDo(story)}\n`;
    let html = this.#heading(story);
    let room = MAX_BYTES - Buffer.byteLength(html + end);
    for (const table of tables) {
      const added = this.#table(table, room);
      room -= Buffer.byteLength(added);
      html += added;
    }
    return html + end;
  }

  #heading({ headline }: Story): string {
    return `<h3>${this.#text(headline)}</h3>\n`;
  }

  #causes(story: Story): string {
    if (!('causes' in story)) return '';
    return story.causes.map((cause) => `<p>${this.#code(cause, MAX_TEXT)}</p>\n`).join('');
  }

  #whatToDo(story: Story): string {
    if (!('advice' in story)) return '';
    const { notes, advice, end } = story;
    const items = new Set([
      ...notes.map((note) => this.#text(note)),
      ...advice.map((one) => `${this.#text(one.text)}${this.#link(one)}`),
    ]);
    const list = [...items].map((item) => `<li>${item}</li>\n`).join('');
    const last = end === undefined ? '' : `<p>${this.#text(end)}</p>\n`;
    return list === '' ? last : `<p><strong>What to do</strong></p>\n<ul>\n${list}</ul>\n${last}`;
  }

  #link({ topic }: Advice): string {
    if (this.#docsUrl === undefined) return '';
    const url = escapeHtml(this.#secrets.redact(`${this.#docsUrl}#${topic}`));
    return ` <a href="${url}">Troubleshooting</a>`;
  }

  #table({ folded, head, rows }: SummaryTable, room: number): string {
    let left = room - TABLE_BYTES;
    const kept = rows
      .map((cells) => `<tr>${cells.map((cell) => `<td>${this.#cell(cell)}</td>`).join('')}</tr>\n`)
      .filter((row) => {
        left -= Buffer.byteLength(row);
        return left > 0;
      });
    const titles = head.map((title) => `<th>${title}</th>`).join('');
    const more = kept.length < rows.length ? `<p>and ${rows.length - kept.length} more</p>\n` : '';
    const table = `<table>\n<tr>${titles}</tr>\n${kept.join('')}</table>\n${more}`;
    return folded === undefined
      ? table
      : `<details><summary>${escapeHtml(folded)}</summary>\n${table}</details>\n`;
  }

  #cell(cell: Cell): string {
    return typeof cell === 'string' ? escapeHtml(cell) : this.#code(cell.code, MAX_CELL);
  }

  #text(value: string): string {
    return escapeHtml(this.#secrets.sanitize(value, MAX_TEXT));
  }

  // Within code, GitHub makes no mention of a name and no link of a number.
  #code(value: string, max: number): string {
    const shown = this.#secrets.sanitize(value, max);
    return shown === '' ? ' ' : `<code>${escapeHtml(shown)}</code>`;
  }
}
