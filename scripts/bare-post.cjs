// What a stop costs at least: the yardstick of bench.ts. No retry, no deadline, no report.
const { request } = require('node:http');

const { ENDPOINT, TOKEN, TASK_ID } = process.env;
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
