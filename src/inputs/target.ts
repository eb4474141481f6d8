/** What is stopped or watched: one execution of a task, or whatever the task is executing. */
export interface Target {
  readonly taskId: string;
  /** Undefined for `current`: whatever the task is executing. */
  readonly executionId: string | undefined;
}
