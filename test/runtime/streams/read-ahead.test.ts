import { ByteBudget } from '../../../runtime/streams/byte-budget';
import { PartBuffers } from '../../../runtime/streams/part-buffers';
import { forEachPart } from '../../../runtime/streams/read-ahead';
import { breakingSource, bytesOf, sourceOf } from '../../helpers/buffer-source';

const MIB = 1024 * 1024;

describe('forEachPart', () => {
  let budget: ByteBudget;
  let buffers: PartBuffers;
  beforeEach(() => {
    budget = new ByteBudget(16 * MIB);
    buffers = new PartBuffers(budget);
  });
  afterEach(() => expect(budget.inUse).toBe(0));

  it.each([0, 1, 8 * MIB, 20 * MIB])('gives all parts of %d bytes in order', async (size) => {
    const bytes = bytesOf(size, 'parts');
    const parts: Buffer[] = [];
    const offsets: number[] = [];

    await forEachPart(
      sourceOf(bytes),
      async (part, { offset }) => {
        parts.push(Buffer.from(part));
        offsets.push(offset);
      },
      { buffers },
    );

    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    expect(offsets).toEqual(size > 8 * MIB ? [0, 8 * MIB, 16 * MIB] : [0]);
  });

  it('reads the next part while the work on one goes on, and no further', async () => {
    const events: string[] = [];
    const source = sourceOf(bytesOf(24 * MIB, 'ahead'));
    const read = async (offset: number, into: Buffer): Promise<void> => {
      events.push(`read ${offset / MIB}`);
      await source.read(offset, into);
    };

    await forEachPart(
      { size: source.size, read },
      async (_, { offset }) => {
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`done ${offset / MIB}`);
      },
      { buffers },
    );

    expect(events).toEqual(['read 0', 'read 8', 'done 0', 'read 16', 'done 8', 'done 16']);
  });

  it('asks an empty source, too, so that it can say that it vanished', async () => {
    const vanished = { size: 0, read: () => Promise.reject(new Error('vanished')) };

    await expect(forEachPart(vanished, async () => undefined, { buffers })).rejects.toThrow('vanished');
  });

  it('throws what the source throws, once the work on the part before has ended', async () => {
    const source = breakingSource(bytesOf(20 * MIB, 'broken'), 8 * MIB, new Error('broken'));
    let worked = 0;

    await expect(
      forEachPart(
        source,
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          worked++;
        },
        { buffers },
      ),
    ).rejects.toThrow('broken');

    expect(worked).toBe(1);
  });

  it('throws what the work throws, once nothing is read any more', async () => {
    let reading = 0;
    const read = async (): Promise<void> => {
      reading++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      reading--;
    };

    await expect(
      forEachPart({ size: 20 * MIB, read }, () => Promise.reject(new Error('disk full')), { buffers }),
    ).rejects.toThrow('disk full');

    expect(reading).toBe(0);
  });

  it('lets any number of sources share a budget of one part each', async () => {
    const small = new PartBuffers(new ByteBudget(8 * MIB));
    let bytes = 0;
    const work = async (part: Buffer): Promise<void> => {
      bytes += part.length;
    };
    const source = { size: 20 * MIB, read: () => Promise.resolve() };

    await Promise.all(Array.from({ length: 5 }, () => forEachPart(source, work, { buffers: small })));

    expect(bytes).toBe(100 * MIB);
  });

  it('throws the reason of the signal', async () => {
    const controller = new AbortController();
    const work = async (): Promise<void> => controller.abort(new Error('interrupted'));

    await expect(
      forEachPart(sourceOf(bytesOf(24 * MIB, 'a')), work, { buffers, signal: controller.signal }),
    ).rejects.toThrow('interrupted');
  });
});
