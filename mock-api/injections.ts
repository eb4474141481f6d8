import { type ConnectionFault, type Fault, type Injection, isConnectionFault } from './faults.ts';

/** A fault that is due for a request. */
export interface RequestInjection extends Injection {
  readonly fault: Fault;
}

/** What is known of a request when a fault is looked up for it. */
export interface MatchedRequest {
  readonly method: string;
  readonly path: string;
  /** Whether its connection had served a request before. */
  readonly reused: boolean;
}

interface Counted<T extends Injection> {
  readonly injection: T;
  spared: number;
  given: number;
}

/** The faults that were injected, of which the first that matches and is due is given. */
export class Injections {
  #forRequests: Counted<RequestInjection>[] = [];
  #forConnections: Counted<Injection & { readonly fault: ConnectionFault }>[] = [];

  add({ fault, ...which }: Injection): void {
    const counts = { spared: 0, given: 0 };
    if (isConnectionFault(fault)) {
      this.#forConnections.push({ injection: { ...which, fault }, ...counts });
    } else {
      this.#forRequests.push({ injection: { ...which, fault }, ...counts });
    }
  }

  clear(): void {
    this.#forRequests = [];
    this.#forConnections = [];
  }

  forRequest(request: MatchedRequest): RequestInjection | undefined {
    const matching = this.#forRequests.filter(
      ({ injection: { path = '', method = request.method, reusedOnly = false } }) =>
        request.path.includes(path) && request.method === method && (request.reused || !reusedOnly),
    );
    return matching.find(isDue)?.injection;
  }

  forConnection(): ConnectionFault | undefined {
    return this.#forConnections.find(isDue)?.injection.fault;
  }
}

/** Counts a match. */
function isDue<T extends Injection>(counted: Counted<T>): boolean {
  const { after = 0, times = Number.POSITIVE_INFINITY } = counted.injection;
  if (counted.spared < after) {
    counted.spared += 1;
    return false;
  }
  if (counted.given >= times) return false;
  counted.given += 1;
  return true;
}
