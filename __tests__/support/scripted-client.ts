import { HttpClient } from '../../src/http/client.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from './fake-clock.ts';

/**
 * A client whose requests get the given responses, one after the other, without a network.
 *
 * @param responses what the requests get, in order
 * @param afterwards what every later request gets
 * @param onSend called with each request
 */
export function scriptedClient(
  responses: readonly HttpResponse[],
  afterwards: HttpResponse,
  onSend: (request: HttpRequest) => void,
): HttpClient {
  const clock = new FakeClock();
  const left = [...responses];
  return new HttpClient({
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
