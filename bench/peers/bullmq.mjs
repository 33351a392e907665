// No-op jobs through BullMQ: 16 callers add one at a time while one worker with 32 slots takes them.
// Usage: node bullmq.mjs PORT JOBS. Prints one line of JSON: jobs, seconds, client CPU in ms.
import { Queue, Worker } from 'bullmq';

const [port, jobs] = process.argv.slice(2).map(Number);
const connection = { host: '127.0.0.1', port };
const queue = new Queue('bench', { connection });
let seen = 0;
let all;
const done = new Promise(resolve => { all = resolve; });
const worker = new Worker('bench', async () => {}, { connection, concurrency: 32 });
worker.on('completed', () => { if (++seen === jobs) all(); });
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);

const cpu = process.cpuUsage();
const started = performance.now();
let next = 0;
await Promise.all(Array.from({ length: 16 }, async () => {
  while (next < jobs) {
    const n = next++;
    await queue.add('run', { runId: n, projectId: n % 100 }, { removeOnComplete: true, removeOnFail: true });
  }
}));
await done;
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({ jobs, seconds: (performance.now() - started) / 1000, cpuMs: (used.user + used.system) / 1000 }));
await worker.close();
await queue.close();
