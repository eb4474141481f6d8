import { Deadline } from '../../src/deadline.ts';
import { HttpClient } from '../../src/http/client.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { FakeClock } from './fake-clock.ts';

/**
 * A client whose requests get answers to order, one after the other, and no network.
 *
 * @param answers what the requests get, in their order
 * @param afterwards what every request gets that comes after those
 * @param onSend called with each request
 */
export function scriptedClient(
  answers: readonly HttpResponse[],
  afterwards: HttpResponse,
  onSend: (request: HttpRequest) => void,
): HttpClient {
  const clock = new FakeClock();
  const left = [...answers];
  return new HttpClient({
    sideBySide: false,
    clock,
    deadline: new Deadline(60, clock),
    random: () => 0.5,
    transport: {
      send: async (request) => {
        onSend(request);
        return left.shift() ?? afterwards;
      },
    },
  });
}
