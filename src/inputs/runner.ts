import { variable } from './validators.ts';

/** What the runner tells a step, besides its inputs. */
export interface RunnerFacts {
  /** Where job summaries go; undefined on a runner without them. */
  readonly summaryFile: string | undefined;
  /** A folder that lasts as long as the job; undefined outside of one. */
  readonly tempFolder: string | undefined;
  /** Where docs/troubleshooting.md is; undefined if the action runs from a local path. */
  readonly docsUrl: string | undefined;
}

/** https://docs.github.com/actions/reference/workflows-and-actions/variables */
export function getRunnerFacts(): RunnerFacts {
  return {
    summaryFile: variable('GITHUB_STEP_SUMMARY') || undefined,
    tempFolder: variable('RUNNER_TEMP') || undefined,
    docsUrl: readDocsUrl(),
  };
}

function readDocsUrl(): string | undefined {
  const server = variable('GITHUB_SERVER_URL');
  const repository = variable('GITHUB_ACTION_REPOSITORY');
  const ref = variable('GITHUB_ACTION_REF');
  const valid =
    /^https:\/\/[\w.-]+(?::\d+)?$/.test(server) &&
    /^[\w.-]+\/[\w.-]+$/.test(repository) &&
    /^[\w./-]+$/.test(ref);
  return valid ? `${server}/${repository}/blob/${ref}/docs/troubleshooting.md` : undefined;
}
