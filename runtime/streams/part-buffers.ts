import { Arena } from './arena';
import { type ByteBudget, partBudget } from './byte-budget';
import { WaitingLine } from './waiting-line';

export interface PartBuffer {
  /** Exactly as long as was asked for; holds whatever was in it before. */
  readonly bytes: Buffer;
  /** Only when nothing reads from or writes to `bytes` any more: the next one gets the same memory. */
  readonly release: () => void;
}

/**
 * Memory for parts, within a budget and used again. A fresh 8 MiB buffer costs 2,048 page faults, and is returned only when the garbage
 * collector sees it: peak memory would be several times the budget.
 */
export class PartBuffers {
  private readonly arena: Arena;
  private readonly line = new WaitingLine();

  constructor(private readonly budget: ByteBudget) {
    this.arena = new Arena(budget.limit);
  }

  /** Waits until the budget allows it, first come first served. Rejects with the signal's reason. */
  async lease(length: number, signal?: AbortSignal): Promise<PartBuffer> {
    const giveBack = await this.budget.acquire(length, signal);
    // Only the parts of objects beyond 640 GiB are larger than everything; the budget lets them through one by one.
    if (length > this.budget.limit) return { bytes: Buffer.allocUnsafeSlow(length), release: giveBack };
    try {
      return this.leased(await this.takePiece(length, signal), giveBack);
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  /** The budget may allow more than there is in one piece; those that are before in line give back what is missing. */
  private async takePiece(length: number, signal: AbortSignal | undefined): Promise<Buffer> {
    let piece: Buffer | undefined;
    await this.line.enter(() => (piece = this.arena.take(length)) !== undefined, signal);
    return piece ?? Buffer.alloc(0);
  }

  private leased(bytes: Buffer, giveBack: () => void): PartBuffer {
    let leased = true;
    const release = (): void => {
      if (!leased) return;
      leased = false;
      this.arena.giveBack(bytes);
      this.line.advance();
      giveBack();
    };
    return { bytes, release };
  }
}

/** The part buffers of the process. */
export const partBuffers = new PartBuffers(partBudget);
