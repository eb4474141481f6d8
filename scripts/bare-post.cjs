// The least that a stop can cost, for bench.ts to compare with: no retry, no deadline, no report.
const { ENDPOINT, TOKEN, TASK_ID } = process.env;
const { request } = require(ENDPOINT.startsWith('https:') ? 'node:https' : 'node:http');

const url = `${ENDPOINT}/v2/tasks/${TASK_ID}/stop`;
const headers = {
  'content-type': 'application/json',
  'content-length': 2,
  'x-auth-token': TOKEN,
};
request(url, { method: 'POST', headers }, (response) => {
  response.resume().on('end', () => {
    console.log(response.statusCode);
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  });
}).end('{}');
