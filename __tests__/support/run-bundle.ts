import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseCommands, readOutputFile, readStateFile } from './runner-files.ts';

/** An entry of `dist`: a stage of one of the actions. */
export type Entry = 'index' | 'guard' | 'guard-post' | 'start' | 'start-post' | 'wait';

/** What a runner sees of a step. */
export interface StepRun {
  /** Null if a signal ended the process. */
  readonly exitCode: number | null;
  readonly endedBy: NodeJS.Signals | null;
  /** Standard output, line by line. */
  readonly lines: readonly string[];
  readonly stderr: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** What was saved for the post stage. */
  readonly state: Readonly<Record<string, string>>;
  /** The job summary, as it was written. */
  readonly summary: string;
  /** The data of the workflow commands of a kind ('error', 'warning', …), unescaped. */
  commands(kind: string): string[];
  /** Everything that a person or a later step gets to see: all but the masking of secrets. */
  readonly visible: string;
  readonly durationMs: number;
  /** Milliseconds from the first of `signals`, or from closing standard output, to the end. */
  readonly endedAfterMs: number | undefined;
  /** The most memory that the process took, in MiB; 0 if it could not report it. */
  readonly maxMemoryMiB: number;
}

/** When something is done to a step: `afterMs` milliseconds after what is named beside it. */
export interface Moment {
  /** Default: 0; from the start of the process if nothing else is named. */
  readonly afterMs?: number;
  /** The first line of the log that contains this text or matches this pattern. */
  readonly onLine?: string | RegExp;
  /** When this promise resolves, as that of `mockApi.nextRequest('/stop')`. */
  readonly onRequest?: Promise<unknown>;
}

/** A signal that the step is sent. */
export interface SignalAt extends Moment {
  readonly name: NodeJS.Signals;
}

/** What the runner sets beside the inputs. */
export interface StepOptions {
  /** Default: `index`, the step that stops scans. */
  readonly entry?: Entry;
  /** What `main` has saved, for a post stage. */
  readonly state?: Readonly<Record<string, string>>;
  /** Runs without a job summary, as on a runner that has none. */
  readonly withoutSummary?: boolean;
  /** `GITHUB_OUTPUT` names a file that does not exist. */
  readonly withoutOutputFile?: boolean;
  /** `RUNNER_TEMP`. Default: a folder that is removed after the step. */
  readonly runnerTemp?: string;
  /** The URL of a proxy for https. */
  readonly proxy?: string;
  readonly noProxy?: string;
  /** A file of certificate authorities: `NODE_EXTRA_CA_CERTS`. */
  readonly extraCaCerts?: string;
  /** Variables besides; they override all others. */
  readonly env?: Readonly<Record<string, string>>;
  /** Scripts that Node.js loads before the bundle. */
  readonly preload?: string | readonly string[];
  readonly signal?: SignalAt | readonly SignalAt[];
  /** When the reader of standard output goes away. */
  readonly closeStdout?: Moment;
  /** Called with every line of the log as it is printed. */
  readonly onLine?: (line: string, child: ChildProcess) => void;
  /** Milliseconds after which a process that hangs is killed. Default: 60,000. */
  readonly killAfterMs?: number;
}

const MEMORY = fileURLToPath(new URL('./memory.cjs', import.meta.url));
// What Node.js and the system need, and nothing that says where the tests run.
const KEPT = ['SystemRoot', 'TEMP', 'TMP', 'HOME'];

/** The action.yml that names each entry. */
const ACTIONS: Readonly<Record<Entry, string>> = {
  index: 'action.yml',
  guard: 'guard/action.yml',
  'guard-post': 'guard/action.yml',
  start: 'start/action.yml',
  'start-post': 'start/action.yml',
  wait: 'wait/action.yml',
};

/**
 * Runs an entry of the committed bundle as the runner does: inputs and command files in the
 * environment.
 *
 * @param inputs by the names of the entry's action.yml. One that is left out has the default that is
 *   declared there; an empty one stays empty, as an expression without a value does
 */
export async function runBundle(
  inputs: Readonly<Record<string, string>>,
  options: StepOptions = {},
): Promise<StepRun> {
  const folder = mkdtempSync(join(tmpdir(), 'step-'));
  const file = (name: string) => join(folder, name);
  const files = {
    output: file('output'),
    state: file('state'),
    summary: file('summary'),
    memory: file('memory'),
  };
  for (const path of Object.values(files)) writeFileSync(path, '');
  if (options.withoutOutputFile === true) rmSync(files.output);
  const optional = {
    GITHUB_STEP_SUMMARY: options.withoutSummary === true ? undefined : files.summary,
    https_proxy: options.proxy,
    no_proxy: options.noProxy,
    NODE_EXTRA_CA_CERTS: options.extraCaCerts,
  };
  const env = {
    ...Object.fromEntries(KEPT.map((name) => [name, process.env[name]])),
    ...prefixed('INPUT_', { ...defaultsOf(options.entry ?? 'index'), ...inputs }, (name) =>
      name.toUpperCase(),
    ),
    ...prefixed('STATE_', options.state ?? {}),
    GITHUB_ACTIONS: 'true',
    MEMORY_FILE: files.memory,
    GITHUB_OUTPUT: files.output,
    GITHUB_STATE: files.state,
    RUNNER_TEMP: options.runnerTemp ?? folder,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    ...options.env,
  };
  try {
    const { stdout, ...run } = await runProcess(env, options);
    const lines = stdout.split(/\r?\n/).slice(0, -1);
    const outputFile = existsSync(files.output) ? readFileSync(files.output, 'utf8') : '';
    const summary = readFileSync(files.summary, 'utf8');
    return {
      ...run,
      lines,
      outputs: readOutputFile(outputFile),
      state: readStateFile(readFileSync(files.state, 'utf8')),
      summary,
      commands: (kind) =>
        parseCommands(lines).flatMap(({ name, data }) => (name === kind ? [data] : [])),
      visible: [
        ...lines.filter((line) => !line.startsWith('::add-mask::')),
        run.stderr,
        outputFile,
        summary,
      ].join('\n'),
      // Node.js counts in KiB: https://nodejs.org/api/process.html#processresourceusage
      maxMemoryMiB: Number(readFileSync(files.memory, 'utf8')) / 1024,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How a job goes on after its guard, or after the step that starts a scan. */
export interface GuardedJob {
  readonly action: 'guard' | 'start';
  readonly inputs: Readonly<Record<string, string>>;
  /** How the rest of the job ends. A `main` that fails makes the job fail in any case. */
  readonly end: 'success' | 'failure' | 'cancelled';
  /** The rest of the job. */
  readonly afterMain?: (main: StepRun) => Promise<void> | void;
  /** Inputs that `with:` evaluates to something else by the time of the post stage. */
  readonly inputsAtPost?: Readonly<Record<string, string>>;
  readonly main?: Omit<StepOptions, 'entry' | 'state' | 'runnerTemp'>;
  readonly post?: Omit<StepOptions, 'entry' | 'runnerTemp'>;
}

/** The two stages of an action with a post stage. */
export interface GuardedJobRun {
  readonly main: StepRun;
  /** Undefined if the job succeeded, so that `post-if` has nothing run. */
  readonly post: StepRun | undefined;
}

/** Runs `main`, the rest of the job, and if the job fails or is cancelled `post` with what was saved. */
export async function runGuardedJob(job: GuardedJob): Promise<GuardedJobRun> {
  const runnerTemp = mkdtempSync(join(tmpdir(), 'runner-temp-'));
  try {
    const main = await runBundle(job.inputs, { ...job.main, entry: job.action, runnerTemp });
    await job.afterMain?.(main);
    if (job.end === 'success' && main.exitCode === 0) return { main, post: undefined };
    const post = await runBundle(
      { ...job.inputs, ...job.inputsAtPost },
      { state: main.state, ...job.post, entry: `${job.action}-post`, runnerTemp },
    );
    return { main, post };
  } finally {
    rmSync(runnerTemp, { recursive: true, force: true });
  }
}

/** The defaults that the runner fills in: an input without one is set, and empty. */
function defaultsOf(entry: Entry): Record<string, string> {
  const file = fileURLToPath(new URL(`../../${ACTIONS[entry]}`, import.meta.url));
  const { inputs } = parse(readFileSync(file, 'utf8')) as {
    readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  };
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, input.default ?? '']),
  );
}

interface ProcessRun {
  readonly exitCode: number | null;
  readonly endedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  readonly endedAfterMs: number | undefined;
}

function runProcess(
  env: Readonly<Record<string, string | undefined>>,
  options: StepOptions,
): Promise<ProcessRun> {
  return new Promise((resolve, reject) => {
    const bundle = fileURLToPath(
      new URL(`../../dist/${options.entry ?? 'index'}.js`, import.meta.url),
    );
    const args = [MEMORY, ...[options.preload ?? []].flat()].flatMap((path) => ['--require', path]);
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...args, bundle], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const watchers: ((line: string) => void)[] = [(line) => options.onLine?.(line, child)];
    const over = new AbortController();
    let interruptedMs: number | undefined;
    const interrupt = (moment: Moment, action: () => void) => {
      reached(moment, watchers, over.signal).then(() => {
        interruptedMs ??= performance.now();
        action();
      }, reject);
    };
    for (const signal of [options.signal ?? []].flat()) {
      interrupt(signal, () => child.kill(signal.name));
    }
    if (options.closeStdout !== undefined) {
      interrupt(options.closeStdout, () => child.stdout.destroy());
    }
    const killer = setTimeout(() => child.kill('SIGKILL'), options.killAfterMs ?? 60_000);
    const stdout = collect(child, (line) => {
      for (const watch of watchers) watch(line);
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (exitCode, endedBy) => {
      over.abort();
      clearTimeout(killer);
      const endedMs = performance.now();
      resolve({
        exitCode,
        endedBy,
        stdout: stdout.text,
        stderr,
        durationMs: endedMs - startedMs,
        endedAfterMs: interruptedMs === undefined ? undefined : endedMs - interruptedMs,
      });
    });
  });
}

function collect(child: ChildProcess, onLine: (line: string) => void): { readonly text: string } {
  const collected = { text: '' };
  let pending = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    collected.text += chunk;
    const lines = (pending + chunk).split(/\r?\n/);
    pending = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  return collected;
}

/** Resolves at a moment; never if the process ends before it. */
async function reached(
  { afterMs = 0, onLine, onRequest }: Moment,
  watchers: ((line: string) => void)[],
  over: AbortSignal,
): Promise<void> {
  if (onLine !== undefined) {
    await new Promise<void>((resolve) => {
      watchers.push((line) => {
        if (typeof onLine === 'string' ? line.includes(onLine) : onLine.test(line)) resolve();
      });
    });
  }
  await onRequest;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, afterMs);
    over.addEventListener('abort', () => clearTimeout(timer));
  });
}

function prefixed(
  prefix: string,
  values: Readonly<Record<string, string>>,
  spell: (name: string) => string = (name) => name,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [prefix + spell(name), value]),
  );
}
