import { ExitCode } from '../lib/contract/exit-codes';
import { run } from './run';
import { TERMINATION_LOG } from './termination-message';

/** A pod's grace period may be short; what is cut off here is what a crash would cut off, and every command bears that. */
const STOPS_WITHIN_MS = 4000;

// Before its first use: files are written and made durable side by side, and four threads wait for the disk where sixteen could.
process.env.UV_THREADPOOL_SIZE ??= '16';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// `… | head` closes its end when it has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

void run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  ...(process.env.KUBERNETES_SERVICE_HOST ? { terminationLog: TERMINATION_LOG } : {}),
  onSignal: (signal, listener) =>
    process.once(signal, () => {
      listener();
      setTimeout(() => process.exit(ExitCode.INTERRUPTED), STOPS_WITHIN_MS).unref();
    }),
}).then((exitCode) => {
  // Not `exit()`: what was written to a pipe must still get through.
  process.exitCode = exitCode;
});
