/** What the mock API responds. */
export interface MockResponse {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A rejection in the shape of the gateway and of the service. */
export function rejection(status: number, code: string, message: string): MockResponse {
  return json({ error_code: code, error_msg: message }, status);
}

export function json(value: unknown, status = 200): MockResponse {
  return { status, body: JSON.stringify(value) };
}
