import { expect, test } from '@jest/globals';
import { adviceContext, createVoice, readInputs } from '../../src/actions/setup.ts';
import { InputError } from '../../src/inputs/input-error.ts';
import { type CommonInputs, STEP_OPTIONS } from '../../src/inputs/inputs.ts';
import { STOP_OUTPUTS } from '../../src/report/outputs.ts';
import { FakeRunner } from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();

function read(error: Error): undefined {
  const voice = createVoice({ title: 'Title', emptyOutputs: STOP_OUTPUTS });
  return readInputs(voice, STEP_OPTIONS, () => {
    throw error;
  });
}

test('an invalid input is reported', () => {
  expect(read(new InputError('wait', 'must be true or false', 'maybe'))).toBe(undefined);
  expect(step.commands('error')).toEqual([
    {
      title: 'Title',
      lines: [
        "Invalid input: wait must be true or false, not 'maybe'",
        'Correct the input. Nothing was sent.',
      ],
    },
  ]);
});

test.each([
  ['devcloud.ap-southeast-3.myhuaweicloud.com', 'codearts-check.ap-southeast-3.myhuaweicloud.com'],
  ['codearts-check.ap-southeast-3.myhuaweicloud.com', undefined],
])('the newest host is advice unless it is in use: %s', (host, newestHost) => {
  const inputs = { region: 'ap-southeast-3', endpoint: new URL(`https://${host}/`) };
  expect(adviceContext(inputs as CommonInputs, undefined)).toMatchObject({ newestHost });
});

test('a fault of the reader itself is left to the process', () => {
  expect(() => read(new TypeError('x is not a function'))).toThrow(TypeError);
  expect(step.commands('error')).toEqual([]);
});
