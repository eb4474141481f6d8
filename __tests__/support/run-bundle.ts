import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a runner sees of a step. */
export interface StepRun {
  readonly exitCode: number | null;
  /** Standard output, line by line. */
  readonly lines: readonly string[];
  readonly stderr: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** The job summary, as it was written. */
  readonly summary: string;
  /** The data of the workflow commands of a kind ('error', 'warning', …), unescaped. */
  commands(kind: string): string[];
  /** Everything that a person or a later step gets to see: all but the masking of secrets. */
  readonly visible: string;
  readonly durationMs: number;
  /** The most memory that the process took, in MiB. */
  readonly maxMemoryMiB: number;
}

/** What the runner sets beside the inputs. */
export interface StepOptions {
  /** Left out: none, as on a runner without job summaries. */
  readonly withoutSummary?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** A script that Node.js loads before the bundle. */
  readonly preload?: string;
  /** Called with every line of the log as it is printed. */
  readonly onLine?: (line: string, child: ChildProcess) => void;
}

const BUNDLE = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const MEMORY = fileURLToPath(new URL('./memory.cjs', import.meta.url));
// What Node.js and the system need, and nothing that says where the tests run.
const KEPT = ['SystemRoot', 'TEMP', 'TMP', 'HOME'];

/**
 * Runs the committed bundle as the runner does: inputs and command files in the environment.
 *
 * @param inputs by the names of action.yml
 */
export async function runBundle(
  inputs: Readonly<Record<string, string>>,
  options: StepOptions = {},
): Promise<StepRun> {
  const folder = mkdtempSync(join(tmpdir(), 'step-'));
  const file = (name: string) => join(folder, name);
  const files = { output: file('output'), summary: file('summary'), memory: file('memory') };
  for (const path of Object.values(files)) writeFileSync(path, '');
  const env = {
    ...Object.fromEntries(KEPT.map((name) => [name, process.env[name]])),
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
    GITHUB_ACTIONS: 'true',
    MEMORY_FILE: files.memory,
    GITHUB_OUTPUT: files.output,
    ...(options.withoutSummary === true ? {} : { GITHUB_STEP_SUMMARY: files.summary }),
    ...options.env,
  };
  try {
    const started = performance.now();
    const { exitCode, stdout, stderr } = await collect(env, options);
    const durationMs = performance.now() - started;
    const lines = stdout.split(/\r?\n/).slice(0, -1);
    const summary = readFileSync(files.summary, 'utf8');
    const outputFile = readFileSync(files.output, 'utf8');
    return {
      exitCode,
      lines,
      stderr,
      outputs: readOutputs(outputFile),
      summary,
      commands: (kind) => commandsOf(lines, kind),
      visible: [
        ...lines.filter((line) => !line.startsWith('::add-mask::')),
        stderr,
        outputFile,
        summary,
      ].join('\n'),
      durationMs,
      // Node.js counts in KiB: https://nodejs.org/api/process.html#processresourceusage
      maxMemoryMiB: Number(readFileSync(files.memory, 'utf8')) / 1024,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function collect(
  env: Readonly<Record<string, string | undefined>>,
  { preload, onLine }: StepOptions,
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const scripts = [MEMORY, ...(preload === undefined ? [] : [preload])];
    const args = [...scripts.flatMap((script) => ['--require', script]), BUNDLE];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let pending = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      const lines = (pending + chunk).split(/\r?\n/);
      pending = lines.pop() ?? '';
      for (const line of lines) onLine?.(line, child);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

// name<<delimiter, the value, delimiter: each on lines of its own.
function readOutputs(file: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const match of file.matchAll(/^(.+?)<<(.+?)\r?\n(?:([\s\S]*?)\r?\n)?\2\r?$/gm)) {
    const [, name = '', , value = ''] = match;
    outputs[name] = value;
  }
  return outputs;
}

function commandsOf(lines: readonly string[], kind: string): string[] {
  return lines.flatMap((line) => {
    const match = new RegExp(`^::${kind}(?: [^:]*)?::(.*)$`).exec(line);
    return match?.[1] === undefined ? [] : [unescapeData(match[1])];
  });
}

function unescapeData(data: string): string {
  return data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
