// Runs one program and tells what it cost. The kernel counts: CPU of children that ended (/proc/self/stat) and the high-water mark of
// their memory (/proc/<pid>/status), so nothing has to be installed and nothing is sampled that could be missed but the last moment's memory.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;
const LOOK_EVERY_MS = 10;

/**
 * Resolves with `seconds`, `cpu` (user and system, seconds), `peakBytes` (undefined where /proc isn't there), `stdout`, `signal`.
 * Rejects with the end of standard error when the program fails. `killWhen` is asked every 10 ms and ends the program by SIGKILL.
 */
export async function run(command, args, { env = {}, cwd, killWhen } = {}) {
  const cpuBefore = cpuOfChildren();
  const start = performance.now();
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes) => (output.stdout += bytes));
  child.stderr.on('data', (bytes) => (output.stderr = (output.stderr + bytes).slice(-4000)));
  let peakBytes;
  const timer = setInterval(() => {
    peakBytes = peakOf(child.pid) ?? peakBytes;
    if (killWhen?.()) child.kill('SIGKILL');
  }, LOOK_EVERY_MS);
  try {
    const ended = new Promise((resolve) => child.once('exit', () => resolve((performance.now() - start) / 1000)));
    const { code, signal } = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    const seconds = await ended;
    if (code !== 0 && !killWhen) throw new Error(failure([command, ...args], code ?? signal, output));
    return { seconds, cpu: cpuOfChildren() - cpuBefore, peakBytes, stdout: output.stdout, signal };
  } finally {
    clearInterval(timer);
  }
}

function failure(words, end, { stdout, stderr }) {
  const lines = (stderr.trim() || stdout.trim()).split('\n').slice(-5).join('\n  ');
  return `'${words.slice(0, 6).join(' ')} …' ended with ${end}:\n  ${lines}`;
}

/** Adds what several runs, one after the other, have cost. */
export function sum(runs) {
  const add = (name) => runs.reduce((total, each) => total + each[name], 0);
  const peaks = runs.map((each) => each.peakBytes).filter((peak) => peak !== undefined);
  return {
    ...runs.at(-1),
    seconds: add('seconds'),
    cpu: add('cpu'),
    peakBytes: peaks.length ? Math.max(...peaks) : undefined,
  };
}

function cpuOfChildren() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN; // not Linux: the table shows a dash
  }
}

function peakOf(pid) {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined; // it just ended, or this isn't Linux
  }
}
