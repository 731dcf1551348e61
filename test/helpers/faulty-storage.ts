import { setTimeout as delay } from 'node:timers/promises';
import { type Storage } from '../../runtime/storage/storage';
import { Random } from './random';
import { type CallInfo, WrappedStorage } from './wrapped-storage';

export interface Fault {
  /** Which calls it strikes: the n-th (from 0), or those that the predicate picks. */
  readonly at: number | ((info: CallInfo) => boolean);
  /** How often it strikes. @default - without end */
  readonly times?: number;
  /**
   * What happens: `error` throws and the call has no effect; `lostResponse` throws though it had it; `truncated` gives only the first half
   * of what was read, and for a range zeros after it, as a server that lies does; `slow` waits that many milliseconds first.
   */
  readonly does:
    | { readonly error: Error }
    | { readonly lostResponse: Error }
    | { readonly truncated: true }
    | { readonly slow: number };
}

/** A storage that fails as told; the first fault that matches a call strikes. */
export class FaultyStorage extends WrappedStorage {
  /** The calls that were struck. */
  readonly struck: CallInfo[] = [];

  private readonly left: number[];

  constructor(
    inner: Storage,
    private readonly faults: readonly Fault[],
  ) {
    super(inner);
    this.left = faults.map((fault) => fault.times ?? Infinity);
  }

  protected override async around<T>(info: CallInfo, effect: () => Promise<T>): Promise<T> {
    const index = this.faults.findIndex((fault, i) => (this.left[i] ?? 0) > 0 && strikes(fault, info));
    const fault = this.faults[index];
    if (!fault) return effect();
    this.left[index] = (this.left[index] ?? 0) - 1;
    this.struck.push(info);
    return strike(fault.does, info, effect);
  }
}

/** Strikes each call with the probability, the same ones for the same seed. */
export function randomly(seed: number, probability: number, does: Fault['does']): Fault {
  const random = new Random(seed);
  return { at: () => random.chance(probability), does };
}

function strikes(fault: Fault, info: CallInfo): boolean {
  return typeof fault.at === 'number' ? fault.at === info.index : fault.at(info);
}

async function strike<T>(does: Fault['does'], info: CallInfo, effect: () => Promise<T>): Promise<T> {
  if ('error' in does) throw does.error;
  if ('slow' in does) await delay(does.slow);
  const result = await effect();
  if ('lostResponse' in does) throw does.lostResponse;
  if ('truncated' in does) return firstHalf(info, result);
  return result;
}

function firstHalf<T>(info: CallInfo, result: T): T {
  info.into?.fill(0, Math.floor(info.into.length / 2));
  return Buffer.isBuffer(result) ? (result.subarray(0, Math.floor(result.length / 2)) as T & Buffer) : result;
}
