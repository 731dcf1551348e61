interface Gap {
  readonly start: number;
  readonly end: number;
}

const PAGE = 4096;

/**
 * A block of memory that is handed out in pieces, always the lowest that fits: what is in use stays together at its beginning, and pages
 * that were never needed never become resident.
 */
export class Arena {
  private memory: Buffer | undefined;
  /** In order, never touching each other. */
  private gaps: Gap[];

  constructor(readonly size: number) {
    this.gaps = [{ start: 0, end: size }];
  }

  /** Undefined while there is no gap that is large enough. */
  take(length: number): Buffer | undefined {
    const needed = Math.ceil(length / PAGE) * PAGE;
    const index = this.gaps.findIndex(({ start, end }) => end - start >= needed);
    const gap = this.gaps[index];
    if (!gap) return undefined;
    const rest = { start: gap.start + needed, end: gap.end };
    this.gaps.splice(index, 1, ...(rest.start < rest.end ? [rest] : []));
    this.memory ??= Buffer.allocUnsafeSlow(this.size);
    return this.memory.subarray(gap.start, gap.start + length);
  }

  /** A piece as `take` gave it. */
  giveBack(piece: Buffer): void {
    const start = piece.byteOffset;
    const end = start + Math.ceil(piece.length / PAGE) * PAGE;
    if (start === end) return;
    const before = this.gaps.find((gap) => gap.end === start);
    const after = this.gaps.find((gap) => gap.start === end);
    const merged = { start: before?.start ?? start, end: after?.end ?? end };
    this.gaps = [...this.gaps.filter((gap) => gap !== before && gap !== after), merged].sort(
      (a, b) => a.start - b.start,
    );
  }
}
