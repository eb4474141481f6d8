// Keeps the READMEs true to action.yml and to each other:
//
//   node scripts/readme.ts                writes the tables of inputs and outputs
//   node scripts/readme.ts --check        fails where a table, a section or an example is off
//   node scripts/readme.ts --examples DIR writes the examples that are workflows, for actionlint
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

interface Described {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: string;
}
type Table = Readonly<Record<string, Described>>;
interface Action {
  readonly inputs: Table;
  readonly outputs: Table;
}
/** A description of action.yml, and what it is in Chinese. */
type Translations = Readonly<
  Record<
    'inputs' | 'outputs',
    Readonly<Record<string, { readonly en: string; readonly zh: string }>>
  >
>;

const ACTION = /^OWNER\/stop-codearts-check-task@/;
const action = parse(readFileSync('action.yml', 'utf8')) as Action;
const translations = parse(readFileSync('scripts/action.zh-CN.yml', 'utf8')) as Translations;

const languages = {
  'README.md': {
    inputHead: ['input', 'default', 'description'],
    outputHead: ['output', 'description'],
    required: '**required**',
    describe: (_kind: 'inputs' | 'outputs', _name: string, described: Described) =>
      described.description,
  },
  'README.zh-CN.md': {
    inputHead: ['输入', '默认值', '说明'],
    outputHead: ['输出', '说明'],
    required: '**必填**',
    describe: (kind: 'inputs' | 'outputs', name: string) => translations[kind][name]?.zh ?? '',
  },
} as const;
type File = keyof typeof languages;
const FILES = Object.keys(languages) as File[];

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, examples: { type: 'string' } },
});
if (values.examples !== undefined) writeExamples(values.examples);
else if (values.check) check();
else for (const file of FILES) writeFileSync(file, withTables(file, readFileSync(file, 'utf8')));

function withTables(file: File, text: string): string {
  const { inputHead, outputHead, required, describe } = languages[file];
  const inputs = Object.entries(action.inputs).map(([name, input]) => [
    `\`${name}\``,
    input.required === true ? required : code(input.default ?? ''),
    describe('inputs', name, input),
  ]);
  const outputs = Object.entries(action.outputs).map(([name, output]) => [
    `\`${name}\``,
    describe('outputs', name, output),
  ]);
  const filled = fill(text, 'inputs', table(inputHead, inputs));
  return fill(filled, 'outputs', table(outputHead, outputs));
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

function fill(text: string, name: string, content: string): string {
  const marked = new RegExp(`(<!-- ${name}:begin -->\n)[\\s\\S]*?(<!-- ${name}:end -->)`);
  if (!marked.test(text)) throw new Error(`There is no place for the table of ${name}`);
  return text.replace(marked, (_all, begin: string, end: string) => `${begin}${content}\n${end}`);
}

function check(): void {
  const problems = [
    ...checkTranslations(),
    ...FILES.flatMap((file) => checkFile(file)),
    ...checkTwins(),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`${FILES.join(' and ')}: ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

function checkTranslations(): string[] {
  return (['inputs', 'outputs'] as const).flatMap((kind) => {
    const names = new Set([...Object.keys(action[kind]), ...Object.keys(translations[kind])]);
    return [...names]
      .filter((name) => action[kind][name]?.description !== translations[kind][name]?.en)
      .map((name) => `scripts/action.zh-CN.yml: ${kind}.${name}.en is not what action.yml says`);
  });
}

function checkFile(file: File): string[] {
  const text = readFileSync(file, 'utf8');
  const stale = withTables(file, text) === text ? [] : [`${file}: run npm run readme`];
  const headings = text.split('\n').filter((line) => /^##/.test(line));
  const marked = [...text.matchAll(/^<!-- section: \S+ -->\n##/gm)];
  const unmarked =
    headings.length === marked.length
      ? []
      : [`${file}: a heading has no <!-- section: … --> before it`];
  return [...stale, ...unmarked, ...checkLinks(file, text), ...checkExamples(file, text)];
}

// Links within the file: https://docs.github.com/get-started/writing-on-github section links
function checkLinks(file: File, text: string): string[] {
  const anchors = new Set(
    [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
  return [...text.matchAll(/\]\(#([^)]+)\)/g)]
    .map(([, anchor = '']) => decodeURIComponent(anchor))
    .filter((anchor) => !anchors.has(anchor))
    .map((anchor) => `${file}: there is no section #${anchor}`);
}

function examplesOf(text: string): string[] {
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = '']) => yaml);
}

interface Workflow {
  readonly jobs?: Readonly<Record<string, { readonly steps?: readonly Step[] }>>;
}
interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

function checkExamples(file: File, text: string): string[] {
  return examplesOf(text).flatMap((yaml) => {
    const workflow = parse(yaml) as Workflow;
    const steps = Object.values(workflow.jobs ?? {}).flatMap(({ steps = [] }) => steps);
    const ours = steps.filter(({ uses = '' }) => ACTION.test(uses));
    const unknown = ours
      .flatMap((step) => Object.keys(step.with ?? {}))
      .filter((name) => !(name in action.inputs))
      .map((name) => `${file}: an example gives an input ${name}, which action.yml does not have`);
    const missing = ours
      .filter((step) => step.with?.['task-id'] === undefined)
      .map(() => `${file}: an example gives no task-id`);
    return [...unknown, ...missing];
  });
}

function checkTwins(): string[] {
  const [one = [], other = []] = FILES.map((file) => sectionsOf(readFileSync(file, 'utf8')));
  const names = new Set([...one, ...other].map(({ name }) => name));
  const twins = [...names].flatMap((name) => {
    const [a, b] = [one, other].map((sections) =>
      sections.find((section) => section.name === name),
    );
    if (a === undefined || b === undefined) return [`The section ${name} is in one README only`];
    return a.examples === b.examples
      ? []
      : [`The examples of the section ${name} are not the same`];
  });
  const sameOrder = one.map(({ name }) => name).join() === other.map(({ name }) => name).join();
  return sameOrder || twins.length > 0 ? twins : ['The sections stand in another order'];
}

/** The sections of a README, with their examples as far as both languages share them. */
function sectionsOf(text: string): { readonly name: string; readonly examples: string }[] {
  return text
    .split(/^<!-- section: /m)
    .slice(1)
    .map((section) => ({
      name: section.slice(0, section.indexOf(' ')),
      examples: [...section.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)]
        .map(([, example = '']) => example)
        .join('\n')
        .replaceAll(/(^|\s)#(?!!).*$/gm, '')
        .replaceAll(/^(\s*-? ?)(name|description): .*$/gm, '$1$2:'),
    }));
}

function writeExamples(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const file of FILES) {
    for (const [index, yaml] of examplesOf(readFileSync(file, 'utf8')).entries()) {
      if (/^on:/m.test(yaml)) writeFileSync(join(folder, `${file}-${index + 1}.yml`), yaml);
    }
  }
}
