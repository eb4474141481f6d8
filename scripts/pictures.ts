// Draws the pictures of the documents from what the bundle writes:
//
//   npm run pictures            runs the bundle, and draws docs/images/*.png (needs Chromium)
//   npm run pictures:check      fails if the bundle writes something else than what was drawn
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runBundle } from '../__tests__/support/run-bundle.ts';
import { parseCommands } from '../__tests__/support/runner-files.ts';
import { MockApi } from '../mock-api/mock-api.ts';
import { escapeHtml } from '../src/report/sanitize.ts';

const FOLDER = 'docs/images';
const MANIFEST = join(FOLDER, 'pictures.json');
const WIDTH = 900;
const TASK_ID = '2b3f0c9a7d154e0f8a1b6c5d4e3f2a10';
const EXECUTION_ID = '9e409b8469744bf3aed7e997d971669d';
const TOKEN = 'token-of-today-MIIF0AYJKoZIhvc';
const EXPIRED_TOKEN = 'token-of-yesterday-MIIF0AYJKoZ';

const REQUEST_ID = '5f1c7e0a9b3d4826a4c1d8e7f6b50923';
const KEPT_IDS = [TASK_ID, EXECUTION_ID];

/** What was drawn, as hashes: of what the bundle wrote, and of the picture. */
type Manifest = Readonly<Record<string, { readonly source: string; readonly picture: string }>>;

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const sources = await runScenes();
if (values.check) check(sources);
else draw(sources);

/** Runs the bundle. @returns the HTML of each picture */
async function runScenes(): Promise<Readonly<Record<string, string>>> {
  const api = await MockApi.start({
    scans: {
      [TASK_ID]: { executions: { [EXECUTION_ID]: {} } },
      'release-branch': {},
      'ended-scan': { status: 2 },
      'main-branch': {},
    },
    tokens: [TOKEN],
    expiredTokens: [EXPIRED_TOKEN],
  });
  const common = { endpoint: api.endpoint, 'execution-id': 'current', token: TOKEN };
  try {
    const guarded = { ...common, 'task-id': TASK_ID, 'execution-id': EXECUTION_ID, wait: 'true' };
    const guard = await runBundle(guarded, { entry: 'guard' });
    const post = await runBundle(guarded, { entry: 'guard-post', state: guard.state });
    const failed = await runBundle({ ...common, 'task-id': TASK_ID, token: EXPIRED_TOKEN });
    const several = await runBundle({
      ...common,
      'task-id': 'release-branch, ended-scan, main-branch',
    });
    const fixed = (text: string) => normalize(text, api.port);
    return {
      'summary-stopped': fixed(summary(post.summary)),
      'summary-failed': fixed(summary(failed.summary)),
      'summary-several': fixed(summary(several.summary)),
      'log-guard': fixed(log([...guard.lines, '', ...post.lines])),
    };
  } finally {
    await api.close();
  }
}

/** Replaces what differs from run to run. */
function normalize(html: string, port: number): string {
  return html
    .replaceAll(`127.0.0.1:${port}`, '127.0.0.1:8080')
    .replace(/\b[0-9a-f]{32}\b/g, (id) => (KEPT_IDS.includes(id) ? id : REQUEST_ID))
    .replace(/\b\d+ ms\b|\b\d\.\d s\b/g, '85 ms')
    .replace(/\(\d+%\)/g, '(40%)');
}

function summary(html: string): string {
  return `<article class="markdown-body">${html}</article>`;
}

/** The log as GitHub shows it: commands become annotations, and masks are not shown. */
function log(lines: readonly string[]): string {
  const rows = lines.map((line) => {
    const [command] = parseCommands([line]);
    if (command === undefined) return escapeHtml(line);
    if (command.name === 'add-mask') return undefined;
    return escapeHtml(`${command.name === 'error' ? 'Error' : command.name}: ${command.data}`);
  });
  const shown = rows.filter((row) => row !== undefined);
  return `<pre class="log">${shown.map((row, index) => `<span>${index + 1}</span> ${row}`).join('\n')}</pre>`;
}

function check(scenes: Readonly<Record<string, string>>): void {
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8')) as Manifest;
  const stale = Object.entries(scenes).filter(([name, html]) => {
    const drawn = manifest[name];
    return drawn?.source !== hash(html) || drawn.picture !== hash(readFileSync(pictureOf(name)));
  });
  for (const [name] of stale) console.error(`${pictureOf(name)}: run npm run pictures`);
  console.log(`${Object.keys(scenes).length} pictures: ${stale.length} out of date`);
  process.exitCode = stale.length === 0 ? 0 : 1;
}

function draw(scenes: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
  const manifest: Record<string, { source: string; picture: string }> = {};
  try {
    for (const [name, html] of Object.entries(scenes)) {
      const page = join(folder, `${name}.html`);
      writeFileSync(page, pageOf(html));
      execFileSync('chromium', [
        ...['--headless', '--no-sandbox', '--hide-scrollbars', '--force-device-scale-factor=1.5'],
        `--window-size=${WIDTH},${heightOf(page)}`,
        `--screenshot=${pictureOf(name)}`,
        `file://${page}`,
      ]);
      manifest[name] = { source: hash(html), picture: hash(readFileSync(pictureOf(name))) };
    }
    writeFileSync(MANIFEST, `${JSON.stringify(manifest, undefined, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The height of a page in pixels, as the browser lays it out. */
function heightOf(page: string): number {
  const dom = execFileSync(
    'chromium',
    ['--headless', '--no-sandbox', '--dump-dom', `--window-size=${WIDTH},600`, `file://${page}`],
    { encoding: 'utf8' },
  );
  return Number(/data-height="(\d+)"/.exec(dom)?.[1]);
}

function pageOf(html: string): string {
  const styles = createRequire(import.meta.url).resolve(
    'github-markdown-css/github-markdown-light.css',
  );
  return `<!doctype html><meta charset="utf-8"><style>${readFileSync(styles, 'utf8')}
body { margin: 0; padding: 16px 24px; background: #fff; }
.log { margin: 0; padding: 12px; border-radius: 6px; background: #1f2328; color: #e6edf3; font: 12px/1.6 "Liberation Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.log span { display: inline-block; width: 2em; color: #8b949e; }
</style><body>${html}<script>document.body.dataset.height = document.body.scrollHeight;</script></body>`;
}

function pictureOf(name: string): string {
  return join(FOLDER, `${name}.png`);
}

function hash(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
