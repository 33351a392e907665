// Runs the code steps of flows, one call at a time, for the process that started it:
//   node --experimental-vm-modules --no-warnings code-runner.mjs
// It speaks frames on stdin and stdout: 4 bytes little-endian length of (type + body), 1 byte type, body in UTF-8 JSON.
//   64 CodeReady { protocol, runtime }   65 RunCode { stepName, source, input }   66 CodeResult { output | error, logs }
// A vm context keeps calls apart from each other and from this file. It is no sandbox: the process is.
import fs from 'node:fs';
import vm from 'node:vm';
import util from 'node:util';

const PROTOCOL = 1;
const CODE_READY = 64;
const RUN_CODE = 65;
const CODE_RESULT = 66;
const MAX_FRAME = 128 * 1024 * 1024;
const MAX_LOG = 64 * 1024;
const MAX_CACHED = 64;
const MAX_DEPTH = 56; // what a value of the engine may nest
const MAX_MESSAGE = 4000;
const ALLOWED_IMPORTS = [
  'assert', 'assert/strict', 'buffer', 'crypto', 'events', 'path', 'path/posix', 'punycode', 'querystring',
  'string_decoder', 'url', 'util', 'util/types', 'zlib',
];

if (Number(process.versions.node.split('.')[0]) < 20 || vm.SourceTextModule === undefined) {
  process.stderr.write(`Code steps need Node.js 20 or later, started with --experimental-vm-modules; this is ${process.versions.node}.\n`);
  process.exit(3);
}

// Only this file writes to fd 1; whatever else finds process.stdout gets stderr.
Object.defineProperty(process, 'stdout', { get: () => process.stderr });

/* ---------- frames ---------- */

function send(type, json) {
  const body = Buffer.from(json, 'utf8');
  const frame = Buffer.allocUnsafe(5 + body.length);
  frame.writeInt32LE(body.length + 1, 0);
  frame[4] = type;
  body.copy(frame, 5);
  for (let at = 0; at < frame.length;) {
    try {
      at += fs.writeSync(1, frame, at);
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(0); // whoever asked is gone
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

let chunks = [];
let have = 0;
let need = 5; // bytes until the next thing can be read: a header, then its whole frame
let work = Promise.resolve();

function receive(chunk) {
  chunks.push(chunk);
  have += chunk.length;
  while (have >= need) {
    // Joined only when a frame is whole: a large one comes in hundreds of chunks.
    const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, have);
    chunks = [bytes];
    const length = bytes.readInt32LE(0);
    if (length < 1 || length > MAX_FRAME || bytes[4] !== RUN_CODE) {
      process.stderr.write(`A frame of ${length} bytes and type ${bytes[4]} arrived; only RunCode frames are expected.\n`);
      process.exit(2);
    }
    need = 4 + length;
    if (have < need) return;
    const call = JSON.parse(bytes.toString('utf8', 5, need));
    chunks = [bytes.subarray(need)];
    have -= need;
    need = 5;
    work = work.then(() => run(call)).then((result) => send(CODE_RESULT, result));
  }
}

/* ---------- the world a step sees ---------- */

class Call {
  constructor() {
    this.failed = new Promise((_, reject) => { this.fail = reject; });
    this.failed.catch(() => {});
  }
}

let current = null; // the call under way, for errors that surface outside of its promise
const onStray = (error) => current?.fail(error);
process.on('uncaughtException', onStray);
process.on('unhandledRejection', onStray);

function logOf() {
  let text = '';
  let full = false;
  const write = (level) => (...parts) => {
    if (full) return;
    text += `${level}${util.formatWithOptions({ depth: 4, breakLength: 120 }, ...parts)}\n`;
    if (Buffer.byteLength(text) > MAX_LOG) {
      const ending = '\n… the log is cut here, at 64 KiB.\n';
      text = Buffer.from(text).toString('utf8', 0, MAX_LOG - Buffer.byteLength(ending) - 4).replace(/\uFFFD+$/, '') + ending;
      full = true;
    }
  };
  const console = {
    log: write(''), info: write(''), debug: write('debug: '), trace: write('trace: '), warn: write('warn: '), error: write('error: '),
    dir: write(''), table: write(''), group: write(''), groupEnd() {}, assert(ok, ...parts) { if (!ok) write('assertion failed: ')(...parts); },
    time() {}, timeEnd() {}, timeLog() {}, count() {},
  };
  return { console, text: () => text };
}

function timersOf() {
  const live = new Set();
  const start = (set, once) => (callback, ms, ...args) => {
    const handle = set((...values) => { if (once) live.delete(handle); callback(...values); }, ms, ...args);
    live.add(handle);
    return handle;
  };
  const stop = (clear) => (handle) => { live.delete(handle); clear(handle); };
  return {
    setTimeout: start(setTimeout, true), clearTimeout: stop(clearTimeout),
    setInterval: start(setInterval, false), clearInterval: stop(clearInterval),
    setImmediate: (callback, ...args) => {
      const handle = setImmediate((...values) => { live.delete(handle); callback(...values); }, ...args);
      live.add(handle);
      return handle;
    },
    clearImmediate: stop(clearImmediate),
    // A timer that outlives its call would run user code between calls.
    clearAll() { for (const handle of live) { clearTimeout(handle); clearImmediate(handle); } live.clear(); },
  };
}

function worldOf() {
  const log = logOf();
  const timers = timersOf();
  const context = vm.createContext({
    console: log.console, URL, URLSearchParams, TextEncoder, TextDecoder, structuredClone, queueMicrotask, atob, btoa,
    Buffer, crypto: globalThis.crypto, AbortController, AbortSignal, Event, EventTarget,
    setTimeout: timers.setTimeout, clearTimeout: timers.clearTimeout, setInterval: timers.setInterval,
    clearInterval: timers.clearInterval, setImmediate: timers.setImmediate, clearImmediate: timers.clearImmediate,
  }, { name: 'code step' });
  // The input is parsed inside, so that its lists and objects are instances of the step's own Array and Object.
  return { log, timers, context, parse: vm.runInContext('globalThis.global = globalThis; JSON.parse', context) };
}

// The next call's context is made while nobody waits: it costs most of a millisecond.
let spare = worldOf();
function takeWorld() {
  const world = spare ?? worldOf();
  spare = null;
  setImmediate(() => { spare ??= worldOf(); });
  return world;
}

/* ---------- modules ---------- */

const compiled = new Map(); // source → V8's code cache, least recently used first

function moduleOf(file, source, context) {
  const cachedData = compiled.get(source);
  let module;
  try {
    module = new vm.SourceTextModule(source, {
      identifier: file, context, cachedData, importModuleDynamically: (specifier) => importAllowed(specifier, context, true),
    });
  } catch (error) {
    throw located(error, file, source);
  }
  compiled.delete(source);
  compiled.set(source, cachedData ?? module.createCachedData());
  if (compiled.size > MAX_CACHED) compiled.delete(compiled.keys().next().value);
  return module;
}

// Node tells the position of a syntax error for scripts only. So the module is compiled again as one: its import and export
// words are blanked in place, which keeps every position, and it is compiled as the body of an async function. Never run.
function located(error, file, source) {
  const blank = (text) => text.replace(/[^\n]/g, ' ');
  const body = source
    .replace(/^[ \t]*import\s[^;'"]*?(?:from\s*)?(['"])[^'"\n]*\1\s*;?/gm, blank)
    .replace(/^([ \t]*)export\s+default\b/gm, (text) => blank(text).slice(0, -7) + 'void 0,')
    .replace(/^[ \t]*export(?=\s+(?:const|let|var|function|class|async)\b)/gm, blank);
  try {
    new vm.Script(`"use strict"; async () => {\n${body}\n}`, { filename: file, lineOffset: -1 });
  } catch (again) {
    if (again.message === error.message) return again;
  }
  return error;
}

async function importAllowed(specifier, context, evaluate = false) {
  const name = specifier.replace(/^node:/, '');
  if (!ALLOWED_IMPORTS.includes(name)) {
    throw refusal(`The import of '${specifier}' is not allowed: a code step may import only ${ALLOWED_IMPORTS.join(', ')}.`);
  }
  const builtIn = await import(`node:${name}`);
  const module = new vm.SyntheticModule(Object.keys(builtIn), function fill() {
    for (const key of Object.keys(builtIn)) this.setExport(key, builtIn[key]);
  }, { context, identifier: `node:${name}` });
  if (evaluate) {
    await module.link(() => {});
    await module.evaluate();
  }
  return module;
}

/* ---------- a call ---------- */

// The folders that are this process's alone, emptied before each call: code that gets out of its context finds no file of an earlier one.
// What is there from the start is what the box is made of.
const ownFolders = (process.env.FLOWS_SCRUB ?? '').split(':').filter((folder) => folder !== '');
const { readdirSync, rmSync } = fs;
const entriesOf = (folder) => readdirSync(folder).map((entry) => `${folder}/${entry}`);
const given = new Set(ownFolders.flatMap(entriesOf));
function emptyOwnFolders() {
  try {
    for (const entry of ownFolders.flatMap(entriesOf)) {
      if (!given.has(entry)) rmSync(entry, { recursive: true, force: true });
    }
  } catch (error) {
    process.stderr.write(`A file of an earlier call cannot be removed: ${error.message}\n`);
    process.exit(4); // the next process starts with empty folders
  }
}

async function run({ stepName, source, input }) {
  const file = `${stepName}.js`;
  emptyOwnFolders();
  const world = takeWorld();
  const call = new Call();
  current = call;
  try {
    const output = await Promise.race([outputOf(file, source, input, world), call.failed]);
    return answer('output', output, world.log);
  } catch (error) {
    return answer('error', JSON.stringify(told(error, file)), world.log);
  } finally {
    current = null;
    world.timers.clearAll();
  }
}

async function outputOf(file, source, input, world) {
  const module = moduleOf(file, source, world.context);
  await module.link((specifier) => importAllowed(specifier, world.context));
  await module.evaluate();
  const step = module.namespace.default;
  if (typeof step !== 'function') {
    throw refusal(`The code has no function as its default export: write 'export default async (input) => { … }'.`);
  }
  const json = stringify(await step(world.parse(JSON.stringify(input ?? null))));
  if (Buffer.byteLength(json) > MAX_FRAME - 2 * MAX_LOG) {
    throw refusal(`The code returned ${Buffer.byteLength(json)} bytes of JSON, which is more than can be carried (limit: ${MAX_FRAME - 2 * MAX_LOG} bytes).`, 'limit');
  }
  return json;
}

function answer(field, json, log) {
  const logs = log.text();
  return `{"${field}":${json}${logs === '' ? '' : `,"logs":${JSON.stringify(logs.toWellFormed())}`}}`; // half of a pair is no text elsewhere
}

function stringify(value) {
  const places = new WeakMap(); // object → where it was met
  const parents = new WeakMap(); // object → what holds it
  const json = JSON.stringify(value, function check(key, inner) {
    const place = this !== null && places.has(this) ? `${places.get(this)}${Array.isArray(this) ? `[${key}]` : `.${key}`}` : 'result';
    const found = unfit(inner);
    if (found) throw refusal(`The code returned ${found} at '${place}', which JSON cannot hold.`);
    if (typeof inner === 'object' && inner !== null) {
      for (let at = this, text = place, depth = 1; ; depth++) { // a value may be shared, but may not contain itself
        if (depth > MAX_DEPTH) throw refusal(`The code returned a value that is nested more than ${MAX_DEPTH} levels deep (limit: depth).`, 'limit');
        if (at === inner) throw refusal(`The code returned a value that contains itself at '${text}', which JSON cannot hold.`);
        if (!parents.has(at)) break;
        at = parents.get(at);
      }
      parents.set(inner, this);
      places.set(inner, place);
    }
    return inner;
  });
  return json ?? 'null';
}

function unfit(value) {
  switch (typeof value) {
    case 'bigint': return `the BigInt ${value}n`;
    case 'function': return 'a function';
    case 'symbol': return 'a symbol';
    case 'number': return Number.isFinite(value) ? null : `the number ${value}`;
    case 'object': {
      if (util.types.isMap(value)) return 'a Map (Object.fromEntries(map) makes an object of it)';
      if (util.types.isSet(value)) return 'a Set ([...set] makes a list of it)';
      if (util.types.isPromise(value)) return 'a promise that was not awaited';
      return null;
    }
    default: return null;
  }
}

/* ---------- errors, in the words of the user's source ---------- */

const refused = new WeakMap(); // error → its code
function refusal(message, code = 'code_error') {
  const error = new Error(message);
  refused.set(error, code);
  return error;
}

// What is thrown is the step's own, and may throw when it is looked at.
function told(error, file) {
  try {
    return errorOf(error, file);
  } catch {
    return { code: 'code_error', message: 'The code threw something that cannot be looked at.' };
  }
}

function errorOf(error, file) {
  if (typeof error !== 'object' || error === null) return { code: 'code_error', message: `The code threw ${cut(describe(error))}.` };
  if (refused.has(error)) return { code: refused.get(error), message: cut(error.message) };

  const name = cut(text(error.name), 100) || 'Error';
  const message = cut(text(error.message)) || 'no message';
  const stack = (text(error.stack) || '').split('\n');
  const frames = stack.filter((line) => line.includes(`${file}:`)).map((line) => cut(line.trim(), 500)).slice(0, 20);
  const at = positionOf(stack, frames, file);
  return {
    code: limitOf(error) ?? 'code_error',
    message: `${name}: ${message}${at ? ` (${file}:${at.line}:${at.column})` : ''}`,
    detail: { name, message, ...at, stack: frames },
  };
}

// What the system refuses because a limit is reached, for code that has got as far as the system. Whoever asked adds what the limit is.
const LIMITS = new Map([['EMFILE', 'open_files_limit'], ['ENOSPC', 'folder_limit'], ['EFBIG', 'file_limit']]);
function limitOf(error) {
  if (typeof error.errno !== 'number') return null;
  return LIMITS.get(error.code) ?? (error.code === 'EAGAIN' && text(error.syscall).startsWith('spawn') ? 'process_limit' : null);
}

// A stack line ends in "file:line:column"; a syntax error opens with "file:line", the source line and carets below it.
function positionOf(stack, frames, file) {
  const place = frames.map((line) => line.slice(line.lastIndexOf(`${file}:`) + file.length).match(/^:(\d+):(\d+)/)).find(Boolean);
  if (place) return { line: Number(place[1]), column: Number(place[2]) };
  const opening = stack[0]?.startsWith(`${file}:`) ? stack[0].slice(file.length).match(/^:(\d+)/) : null;
  if (!opening) return null;
  const carets = stack.find((line) => /^\s*\^+\s*$/.test(line));
  return { line: Number(opening[1]), column: carets ? carets.indexOf('^') + 1 : 1 };
}

const cut = (words, length = MAX_MESSAGE) => (words.length > length ? `${words.slice(0, length)}…` : words).toWellFormed();
const text = (value) => (typeof value === 'string' ? value : '');
const describe = (value) => (typeof value === 'string' ? `the text "${value}"` : util.inspect(value));

process.stdin.on('data', receive);
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
send(CODE_READY, JSON.stringify({ protocol: PROTOCOL, runtime: `node ${process.versions.node}` }));
