import { json, type MockResponse, rejection } from './response.ts';
import { type Execution, type ScanPlan, Task } from './tasks.ts';

/** What the caller may lack, named as in an identity policy. */
export type Permission =
  | 'codeartscheck:task:execute'
  | 'codeartscheck:task:get'
  | 'codeartscheck:task:getReport';

export interface CheckServiceOptions {
  readonly scans?: Readonly<Record<string, ScanPlan>>;
  /** Whether it is an old host, which knows no /v1/ path. */
  readonly oldHost?: boolean;
  /** Permissions that no caller has. */
  readonly denied?: readonly Permission[];
}

/** A stop request that arrived, whether it was accepted or not. */
export interface StopRequest {
  readonly taskId: string;
  /** Undefined if it names the task alone. */
  readonly executionId: string | undefined;
}

interface Operation {
  readonly method: string;
  readonly permission: Permission;
  readonly respond: (call: Call) => MockResponse;
}

interface Call {
  readonly taskId: string;
  readonly task: Task | undefined;
  /** `job_id` of the query. */
  readonly executionId: string | undefined;
  readonly body: string;
}

const PATH = /^\/(v[12])\/tasks\/([^/]+)\/(stop|run|progress|defects-summary)$/;

/**
 * The part of CodeArts Check that runs, reports and stops scans.
 *
 * Not documented, and made up here: what the service responds to the stop of a task that is not
 * running (400 and the code CC.MOCKAPI0.400), the texts of `result` and of CC.00050015, and the
 * value of `is_access`.
 */
export class CheckService {
  readonly tasks: ReadonlyMap<string, Task>;
  /** How many executions were started by a run. */
  startedExecutions = 0;
  readonly #options: CheckServiceOptions;
  readonly #operations: Readonly<Record<string, Operation>> = {
    'v2 stop': {
      method: 'POST',
      permission: 'codeartscheck:task:execute',
      respond: (call) => this.#stopTask(call),
    },
    'v1 stop': {
      method: 'PUT',
      permission: 'codeartscheck:task:execute',
      respond: (call) => this.#stopExecution(call),
    },
    'v2 run': {
      method: 'POST',
      permission: 'codeartscheck:task:execute',
      respond: (call) => this.#run(call),
    },
    'v2 progress': {
      method: 'GET',
      permission: 'codeartscheck:task:get',
      respond: (call) => this.#progress(call),
    },
    'v2 defects-summary': {
      method: 'GET',
      permission: 'codeartscheck:task:getReport',
      respond: (call) => this.#summary(call),
    },
  };

  constructor(options: CheckServiceOptions) {
    this.#options = options;
    this.tasks = new Map(
      Object.entries(options.scans ?? {}).map(([id, plan]) => [id, new Task(plan)]),
    );
  }

  /** @returns the stop request that this is; undefined if it is none */
  static stopRequestOf(method: string, path: string): StopRequest | undefined {
    const url = new URL(path, 'http://mock-api');
    const [, , taskId = '', name] = PATH.exec(url.pathname) ?? [];
    if (name !== 'stop' || method === 'GET') return undefined;
    return { taskId, executionId: url.searchParams.get('job_id') ?? undefined };
  }

  /**
   * @param rejectCredential called once the path is known, as the gateway does
   */
  respond(
    request: { readonly method: string; readonly path: string; readonly body: string },
    contentType: string | undefined,
    rejectCredential: () => MockResponse | undefined,
  ): MockResponse {
    const url = new URL(request.path, 'http://mock-api');
    const [, version = '', taskId = '', name = ''] = PATH.exec(url.pathname) ?? [];
    const operation = this.#operations[`${version} ${name}`];
    if (operation === undefined || (version === 'v1' && this.#options.oldHost === true)) {
      return rejection(404, 'APIGW.0101', 'The API does not exist');
    }
    if (request.method !== operation.method) {
      return rejection(404, 'APIGW.0103', 'The method is not supported');
    }
    const rejected = rejectCredential();
    if (rejected !== undefined) return rejected;
    if (this.#options.denied?.includes(operation.permission) === true) {
      const message = `Access denied by an identity policy: ${operation.permission}`;
      return rejection(403, 'PAP5.0001', message);
    }
    if (operation.method !== 'GET') {
      if (contentType !== 'application/json') {
        return rejection(400, 'APIGW.0106', 'Invalid Content-Type');
      }
      if (request.body.trim() !== '{}') {
        return rejection(400, 'PARSE_REQUEST_DATA_EXCEPTION', 'Parse error');
      }
    }
    return operation.respond({
      taskId,
      task: this.tasks.get(taskId),
      executionId: url.searchParams.get('job_id') ?? undefined,
      body: request.body,
    });
  }

  #stopTask({ task }: Call): MockResponse {
    return task?.latest?.stop() === true
      ? { status: 200, body: '' }
      : rejection(400, 'CC.MOCKAPI0.400', 'The task is not being checked.');
  }

  #stopExecution(call: Call): MockResponse {
    return findExecution(call)?.stop() === true
      ? json({ httpStatus: 'OK', result: 'The execution is being stopped.', status: 'success' })
      : json({
          httpStatus: 'BAD_REQUEST',
          result: 'The execution is not running.',
          status: 'error',
        });
  }

  #run({ task }: Call): MockResponse {
    if (task === undefined) return badParameter();
    const execution = task.run();
    if (execution === undefined) {
      return rejection(200, 'CC.00050015', 'The task is already running.');
    }
    this.startedExecutions += 1;
    return json({ exec_id: execution.id });
  }

  #progress(call: Call): MockResponse {
    const { task, executionId } = call;
    const execution = findExecution(call);
    if (task === undefined || (executionId !== undefined && execution === undefined)) {
      return badParameter();
    }
    const { status, progress } =
      execution === undefined
        ? { status: null, progress: { ratio: null, info: null } }
        : task.report(execution);
    return json({ task_status: status, progress });
  }

  // The counts of severities are strings in the vendor's SDK.
  #summary(call: Call): MockResponse {
    const execution = findExecution(call);
    if (execution === undefined) return badParameter();
    const { critical = 0, major = 0, minor = 0, suggestion = 0 } = execution.issues;
    return json({
      task_id: call.taskId,
      issue_count: critical + major + minor + suggestion,
      critical_count: String(critical),
      major_count: String(major),
      minor_count: String(minor),
      suggestion_count: String(suggestion),
      is_access: '1',
      last_check_time: new Date().toISOString(),
    });
  }
}

function findExecution({ task, executionId }: Call): Execution | undefined {
  return executionId === undefined ? task?.latest : task?.find(executionId);
}

function badParameter(): MockResponse {
  return rejection(
    400,
    'CC.00000001.400',
    'Verify request parameter failed. Check whether the request parameters are correct.',
  );
}
