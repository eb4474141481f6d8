// Keeps the documents true to the four action.yml, to each other and to the terms of this project:
//
//   node scripts/docs.ts                writes the tables of inputs and outputs
//   node scripts/docs.ts --check        fails if a table, link, example, term or translation is off
//   node scripts/docs.ts --examples DIR writes workflows, actions and shell blocks, for linters
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import GithubSlugger from 'github-slugger';
import { lexer, type MarkedToken, walkTokens } from 'marked';
import { parse } from 'yaml';
import { TOPICS } from '../src/report/advice.ts';

interface Described {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: string;
}
type Kind = 'inputs' | 'outputs';
interface Action {
  readonly inputs: Readonly<Record<string, Described>>;
  readonly outputs?: Readonly<Record<string, Described>>;
}

const STEP = 'action.yml';
/** Inputs that differ from those of the step on purpose, in each of the other actions. */
const OWN_INPUTS: Readonly<Record<string, readonly string[]>> = {
  'guard/action.yml': ['task-id', 'if-not-running', 'timeout-seconds'],
  'start/action.yml': ['task-id', 'timeout-seconds', 'retries'],
  'wait/action.yml': ['task-id', 'execution-id', 'max-critical', 'timeout-seconds', 'retries'],
};
const ACTION_FILES = [STEP, ...Object.keys(OWN_INPUTS)];
const actions = new Map(
  ACTION_FILES.map((file) => [file, parse(readFileSync(file, 'utf8')) as Action]),
);
const TRANSLATIONS = 'scripts/action.zh-CN.yml';
const translations = new Map(
  (parse(readFileSync(TRANSLATIONS, 'utf8')) as { en: string; zh: string }[]).map(({ en, zh }) => [
    en,
    zh,
  ]),
);

// Each error links to an entry of the troubleshooting page.
const TROUBLESHOOTING = 'docs/troubleshooting.md';

const ENGLISH = {
  inputs: ['input', 'default', 'description'],
  outputs: ['output', 'description'],
  action: 'action',
  required: '**required**',
  ruledOut:
    /\b(?:stand-ins?|keyless|key pairs?|tried again|white space|what became of|whatever|in vain|all the same|but for|at once|verdicts?|anew|answer(?:s|ed)?|(?<!connection )refus(?:es?|ed|als?)|lives|clean-up|licences?|\w*(?:behaviour|honour)\w*|authoris\w*|where (?:the|an?|it|they|no|there|that)\b)|, too\b/gi,
};
const CHINESE = {
  inputs: ['输入', '默认值', '说明'],
  outputs: ['输出', '说明'],
  action: 'Action',
  required: '**必填**',
  ruledOut:
    /免密钥|临时访问密钥|密钥对|替身|扫描任务|密文|机密|秘密(?!访问密钥)|(?<!安全)令牌|应答|停止(?:检查)?任务|运行(?:检查)?任务|存储库/g,
};

const MAX_LINES = 260;
const FIRST_WORKFLOW_BEFORE = 45;

/** What a list of steps is a part of. */
const JOB = `name: Example
on: workflow_dispatch
permissions: {}
jobs:
  example:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
`;

const DOCUMENTS = globSync(['*.md', 'docs/*.md', '.github/*.md']).sort();
const documents = new Map(DOCUMENTS.map((file) => [file, readFileSync(file, 'utf8')]));
const isChinese = (file: string): boolean => file.includes('.zh-CN.');
const languageOf = (file: string): typeof ENGLISH => (isChinese(file) ? CHINESE : ENGLISH);

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, examples: { type: 'string' } },
});
if (values.examples !== undefined) writeExamples(values.examples);
else if (values.check) check();
else for (const [file, text] of documents) writeFileSync(file, withTables(file, text));

function check(): void {
  const problems = [
    ...checkActions(),
    ...checkTranslations(),
    ...[...documents].flatMap(([file, text]) => [
      ...(withTables(file, text) === text ? [] : [`${file}: a table is stale; run npm run docs`]),
      ...checkLinks(file, text),
      ...checkExamples(file, text),
    ]),
    ...[...DOCUMENTS, ...ACTION_FILES, ...globSync('.github/ISSUE_TEMPLATE/*.yml')].flatMap(
      checkTerms,
    ),
    ...checkReadme('README.md'),
    ...checkReadme('README.zh-CN.md'),
    ...['README.md', ...DOCUMENTS.filter((file) => file.startsWith('docs/'))].flatMap(checkParity),
    ...sameSet(
      `anchors of ${TROUBLESHOOTING}`,
      anchorsOf(documents.get(TROUBLESHOOTING) ?? ''),
      TOPICS,
    ),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`${DOCUMENTS.length} documents: ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

// --- The four action.yml, and the tables that are made from them

function actionOf(file: string): Action {
  const action = actions.get(file);
  if (action === undefined) throw new Error(`There is no action in ${file}`);
  return action;
}

function checkActions(): string[] {
  const { inputs } = actionOf(STEP);
  const { inputs: guarded } = actionOf('guard/action.yml');
  return [
    ...sameSet('inputs of guard/action.yml', Object.keys(guarded), Object.keys(inputs)),
    ...Object.entries(OWN_INPUTS).flatMap(([file, own]) =>
      sameSet(
        `inputs of ${file} that differ from ${STEP}`,
        Object.keys(othersOf('inputs', file)),
        own,
      ),
    ),
    ...ACTION_FILES.flatMap((file) =>
      descriptionsOf(file)
        .filter((text) => text.includes('${{'))
        .map((text) => `${file}: GitHub evaluates the expression in '${text}'`),
    ),
  ];
}

function sameSet(what: string, names: readonly string[], expected: readonly string[]): string[] {
  const missing = expected.filter((name) => !names.includes(name));
  const unexpected = names.filter((name) => !expected.includes(name));
  return [
    ...missing.map((name) => `${what}: ${name} is missing`),
    ...unexpected.map((name) => `${what}: ${name} is unexpected`),
  ];
}

/** The inputs or outputs of an action that the step does not have in the same words. */
function othersOf(kind: Kind, file: string): Readonly<Record<string, Described>> {
  const shared = actionOf(STEP)[kind] ?? {};
  return Object.fromEntries(
    Object.entries(actionOf(file)[kind] ?? {}).filter(
      ([name, described]) => JSON.stringify(described) !== JSON.stringify(shared[name]),
    ),
  );
}

function descriptionsOf(file: string): string[] {
  const { inputs, outputs = {} } = actionOf(file);
  return [...Object.values(inputs), ...Object.values(outputs)].map(
    ({ description }) => description,
  );
}

function checkTranslations(): string[] {
  const used = new Set(ACTION_FILES.flatMap(descriptionsOf));
  return [
    ...[...used].filter((en) => !translations.has(en)).map((en) => `no Chinese for '${en}'`),
    ...[...translations.keys()].filter((en) => !used.has(en)).map((en) => `not in use: '${en}'`),
  ].map((problem) => `${TRANSLATIONS}: ${problem}`);
}

/** Fills the places `<!-- table: [other] inputs|outputs of FILE... -->` up to `<!-- end of table -->`. */
function withTables(file: string, text: string): string {
  const place =
    /(<!-- table: (other )?(inputs|outputs) of (.*) -->\n)[\s\S]*?(<!-- end of table -->)/g;
  return text.replaceAll(
    place,
    (_all, begin: string, other: string | undefined, kind: Kind, from: string, end: string) => {
      const files = from.split(' ');
      const { action, [kind]: head } = languageOf(file);
      const rows = files.flatMap((of) =>
        Object.entries(other ? othersOf(kind, of) : (actionOf(of)[kind] ?? {})).map(
          ([name, described]) => [
            ...(other ? [code(dirname(of))] : []),
            code(name),
            ...(kind === 'inputs' ? [defaultOf(file, described)] : []),
            describe(file, described),
          ],
        ),
      );
      return `${begin}${table([...(other ? [action] : []), ...head], rows)}\n${end}`;
    },
  );
}

function defaultOf(file: string, described: Described): string {
  return described.required === true ? languageOf(file).required : code(described.default ?? '');
}

function describe(file: string, { description }: Described): string {
  return isChinese(file) ? (translations.get(description) ?? '') : description;
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

// --- Links

function tokensOf(text: string): MarkedToken[] {
  const tokens: MarkedToken[] = [];
  walkTokens(lexer(text), (token) => {
    tokens.push(token as MarkedToken);
  });
  return tokens;
}

/** The anchors that a document sets itself, beside those of its headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
}

// https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
function targetsIn(text: string): Set<string> {
  const slugger = new GithubSlugger();
  const headings = tokensOf(text).filter((token) => token.type === 'heading');
  return new Set([...headings.map((heading) => slugger.slug(heading.text)), ...anchorsOf(text)]);
}

function checkLinks(file: string, text: string): string[] {
  return tokensOf(text)
    .filter((token) => token.type === 'link' || token.type === 'image')
    .filter(({ href }) => !/^[a-z]+:/.test(href))
    .filter(({ href }) => !resolves(file, decodeURIComponent(href)))
    .map(({ href }) => `${file}: ${href} leads nowhere`);
}

function resolves(file: string, href: string): boolean {
  const [path = '', anchor] = href.split('#');
  const target = path === '' ? file : normalize(join(dirname(file), path));
  // A path above the repository is a page of GitHub.
  if (target.startsWith('..')) return true;
  if (!existsSync(target)) return false;
  return anchor === undefined || targetsIn(readFileSync(target, 'utf8')).has(anchor);
}

// --- Examples

interface Example {
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** What YAML says; undefined for other languages. */
  readonly content: unknown;
}

function examplesOf(text: string): Example[] {
  return tokensOf(text)
    .filter((token) => token.type === 'code')
    .map((token) => ({
      line: text.slice(0, text.indexOf(token.raw)).split('\n').length,
      language: token.lang ?? '',
      text: `${token.text}\n`,
      content: token.lang === 'yaml' ? parse(token.text) : undefined,
    }));
}

function isWorkflow({ content }: Example): boolean {
  return typeof content === 'object' && content !== null && 'on' in content && 'jobs' in content;
}

interface Workflow {
  readonly name?: string;
  readonly on?: { readonly workflow_run?: { readonly workflows: readonly string[] } };
}

interface Step {
  readonly uses: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

/** Every step of a workflow, an action or a list of steps. */
function stepsIn(content: unknown): Step[] {
  if (typeof content !== 'object' || content === null) return [];
  const steps = Object.values(content).flatMap(stepsIn);
  return 'uses' in content ? [content as Step, ...steps] : steps;
}

function checkExamples(file: string, text: string): string[] {
  const examples = examplesOf(text);
  const names = examples.filter(isWorkflow).map(({ content }) => (content as Workflow).name);
  return examples.flatMap(({ line, content }) =>
    [
      ...stepsIn(content).flatMap(checkStep),
      // A translated name must not break a workflow that waits for the one of that name.
      ...((content as Workflow | undefined)?.on?.workflow_run?.workflows ?? [])
        .filter((name) => !names.includes(name))
        .map((name) => `no workflow here has the name '${name}'`),
    ].map((problem) => `${file}:${line}: ${problem}`),
  );
}

function checkStep({ uses, with: given = {} }: Step): string[] {
  const [, name, path = ''] = /^([^@]*stop-codearts-check-task)(\/\w+)?@/.exec(uses) ?? [];
  if (name === undefined) {
    return /@[0-9a-f]{40}$|\/workflows\//.test(uses) ? [] : [`${uses} is not pinned by commit`];
  }
  const { inputs } = actionOf(join(path.slice(1), 'action.yml'));
  return [
    ...Object.keys(given)
      .filter((input) => !(input in inputs))
      .map((input) => `${uses} has no input ${input}`),
    ...('task-id' in given ? [] : [`${uses} has no task-id`]),
  ];
}

function writeExamples(folder: string): void {
  for (const [file, text] of documents) {
    for (const [index, example] of examplesOf(text).entries()) {
      const name = `${file.replace(/\.md$/, '').replaceAll('/', '-')}-${index + 1}`;
      const [path, content] = asFile(name, example) ?? [];
      if (path === undefined || content === undefined) continue;
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
  }
}

/** Where an example goes, and with what around it; undefined if no linter knows its language. */
function asFile(name: string, example: Example): [string, string] | undefined {
  if (example.language === 'sh') return [`${name}.sh`, `#!/usr/bin/env bash\n${example.text}`];
  if (isWorkflow(example)) return [`${name}.yml`, example.text];
  if (Array.isArray(example.content))
    return [`${name}.yml`, JOB + example.text.replace(/^(?=.)/gm, ' '.repeat(6))];
  if (example.language === 'yaml') return [join(name, 'action.yml'), example.text];
  return undefined;
}

// --- Terms, the form of the README, and the two languages

function checkTerms(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, index) =>
    [...line.matchAll(languageOf(file).ruledOut)].map(
      ([term]) => `${file}:${index + 1}: the term '${term}' is ruled out`,
    ),
  );
}

function checkReadme(file: string): string[] {
  const text = documents.get(file);
  if (text === undefined) return [];
  const lines = text.trimEnd().split('\n').length;
  const first = examplesOf(text).find(isWorkflow)?.line ?? Number.POSITIVE_INFINITY;
  return [
    ...(lines > MAX_LINES ? [`${file}: ${lines} lines; at most ${MAX_LINES} are allowed`] : []),
    ...(first >= FIRST_WORKFLOW_BEFORE ? [`${file}: the first workflow is in line ${first}`] : []),
  ];
}

function checkParity(file: string): string[] {
  if (isChinese(file)) return [];
  const twin = file.replace(/\.md$/, '.zh-CN.md');
  const text = documents.get(twin);
  if (text === undefined) return [`${twin} is missing`];
  const [one, other] = [structureOf(documents.get(file) ?? ''), structureOf(text)];
  const index = Array.from({ length: Math.max(one.length, other.length) }).findIndex(
    (_, at) => one[at]?.form !== other[at]?.form,
  );
  if (index !== -1) {
    const [here, there] = [one[index], other[index]].map((part) => part?.name ?? 'the end');
    return [`${file} and ${twin} differ in structure: ${here}, and ${there}`];
  }
  return sameSet(`links of ${twin}`, linksOf(text), linksOf(documents.get(file) ?? ''));
}

/** The pages that a document links to, each as often as it does. Anchors are made of translated headings. */
function linksOf(text: string): string[] {
  const seen = new Map<string, number>();
  return tokensOf(text)
    .filter((token) => token.type === 'link')
    .map(({ href }) =>
      href
        .replace(/#.*/, '')
        .replace('.zh-CN.', '.')
        .replace(/\/intl\/[a-z-]+\//, '/intl/'),
    )
    .map((page) => {
      const count = (seen.get(page) ?? 0) + 1;
      seen.set(page, count);
      return `${page || 'this page'} (${count})`;
    });
}

/** What both languages share: headings by depth, anchors, lists, tables, pictures and code. */
function structureOf(text: string): { readonly form: string; readonly name: string }[] {
  return tokensOf(text).flatMap((token) => {
    switch (token.type) {
      case 'heading':
        return [{ form: `heading ${token.depth}`, name: `the heading '${token.raw.trim()}'` }];
      case 'code':
        return withoutWords(token.text)
          .split('\n')
          .map((line) => ({ form: line, name: `the line '${line.trim()}' of an example` }));
      case 'list':
        return [{ form: `list ${token.items.length}`, name: `the list '${token.items[0]?.text}'` }];
      case 'image':
        return [{ form: token.href, name: `the picture ${token.href}` }];
      case 'table':
        return [
          {
            form: `table ${token.rows.length} x ${token.header.length}`,
            name: `the table of '${token.header.map(({ text }) => text).join(', ')}'`,
          },
        ];
      case 'html':
        return anchorsOf(token.raw).map((id) => ({ form: id, name: `the anchor ${id}` }));
      default:
        return [];
    }
  });
}

/** Code without comments, descriptions and the names of workflows and steps, which are translated. */
function withoutWords(text: string): string {
  return text
    .replaceAll(/(^|\s+)#(?!!).*$/gm, '')
    .replaceAll(/^(name|\s*- name|\s*description): .*$/gm, '$1:');
}
