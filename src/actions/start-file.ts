import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getRunnerFacts } from '../inputs/runner.ts';
import { STATE } from '../inputs/saved-inputs.ts';
import type { Clock } from '../time.ts';
import { saveForPost } from './post.ts';

/** How long `post` looks for the execution ID, in seconds. */
export const FILE_WAIT_SECONDS = 15;
const POLL_MS = 250;
/** What is saved in place of a path, on a runner that has no folder for it. */
const NO_FILE = 'none';

/**
 * A file with the execution ID. In a job container no signal arrives, and the runner reads what was
 * saved while `main` may still wait for the response: `post` finds the ID here.
 */
export class StartFile {
  #path: string | undefined;

  /** Saves for `post`, before the first request is sent, that one is sent and where its ID will be. */
  announce(): void {
    if (this.#path !== undefined) return;
    const { tempFolder } = getRunnerFacts();
    this.#path =
      tempFolder === undefined ? NO_FILE : join(tempFolder, `codearts-check-${randomUUID()}`);
    saveForPost(STATE.startFile, this.#path);
  }

  /** Writes the ID, whole or not at all. Never throws: the saved state has it as well. */
  write(executionId: string): void {
    if (this.#path === undefined || this.#path === NO_FILE) return;
    try {
      writeFileSync(`${this.#path}.part`, executionId);
      renameSync(`${this.#path}.part`, this.#path);
    } catch {
      // Only a job container needs the file.
    }
  }
}

/**
 * Waits until `main` has written the execution ID.
 *
 * @param path as {@link StartFile} saved it
 * @param signal ends the wait
 * @returns undefined if there is none within {@link FILE_WAIT_SECONDS}
 */
export async function awaitExecutionId(
  path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (path === NO_FILE) return undefined;
  const endMs = clock.now() + FILE_WAIT_SECONDS * 1000;
  for (;;) {
    const executionId = readExecutionId(path);
    if (executionId !== undefined || signal.aborted || clock.now() >= endMs) return executionId;
    await clock.sleep(POLL_MS, signal).catch(() => undefined);
  }
}

function readExecutionId(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return /^[A-Za-z0-9_-]{1,64}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
