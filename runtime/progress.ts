/** How far a long command is. */
export interface ProgressState {
  readonly phase: string;
  readonly done: number;
  readonly total?: number;
  readonly bytes?: number;
}

export interface Progress {
  report(state: ProgressState): void;
  end(): void;
}

export interface Terminal {
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_EVERY_MS = 100;
const BAR_WIDTH = 24;

export const NO_PROGRESS: Progress = { report: () => undefined, end: () => undefined };

/** One line on a terminal, drawn over itself at most ten times a second, and gone when the work ends. */
export function terminalProgress(terminal: Terminal, formatBytes: (bytes: number) => string): Progress {
  let drawnAt = 0;
  let drawn = false;
  return {
    report(state) {
      const now = Date.now();
      if (now - drawnAt < REDRAW_EVERY_MS) return;
      drawnAt = now;
      drawn = true;
      terminal.write(`\r\x1b[2K${progressLine(state, formatBytes).slice(0, (terminal.columns ?? 80) - 1)}`);
    },
    end() {
      if (drawn) terminal.write('\r\x1b[2K');
      drawn = false;
    },
  };
}

export function progressLine(state: ProgressState, formatBytes: (bytes: number) => string): string {
  const { phase, done, total, bytes } = state;
  const amount = bytes === undefined ? '' : ` · ${formatBytes(bytes)}`;
  if (total === undefined || total === 0) return `${phase} ${done}${amount}`;
  const filled = Math.min(BAR_WIDTH, Math.floor((done / total) * BAR_WIDTH));
  return `${phase} [${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}] ${done}/${total}${amount}`;
}
