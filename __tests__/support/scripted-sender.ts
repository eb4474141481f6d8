import { Deadline } from '../../src/deadline.ts';
import { Sender } from '../../src/http/sender.ts';
import type { HttpAnswer, HttpRequest } from '../../src/http/transport.ts';
import { FakeClock } from './fake-clock.ts';

/**
 * A sender whose requests get answers to order, one after the other, and no network.
 *
 * @param answers what the requests get, in their order
 * @param afterwards what every request gets that comes after those
 * @param onSend called with each request
 */
export function scriptedSender(
  answers: readonly HttpAnswer[],
  afterwards: HttpAnswer,
  onSend: (request: HttpRequest) => void,
): Sender {
  const clock = new FakeClock();
  const left = [...answers];
  return new Sender({
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
