import { ByteBudget } from '../../../runtime/streams/byte-budget';
import { type PartBuffer, PartBuffers } from '../../../runtime/streams/part-buffers';

const PAGE = 4096;

describe('PartBuffers', () => {
  it('uses memory again', async () => {
    const buffers = new PartBuffers(new ByteBudget(4 * PAGE));
    const first = await buffers.lease(PAGE);
    const { buffer, byteOffset } = first.bytes;
    first.release();

    const second = await buffers.lease(PAGE / 2);

    expect(second.bytes.length).toBe(PAGE / 2);
    expect([second.bytes.buffer === buffer, second.bytes.byteOffset]).toEqual([true, byteOffset]);
  });

  it('waits for memory in one piece, and keeps those behind waiting', async () => {
    const buffers = new PartBuffers(new ByteBudget(4 * PAGE));
    const [a, b, c, d] = await Promise.all([1, 1, 1, 1].map((pages) => buffers.lease(pages * PAGE)));
    a?.release();
    c?.release();
    const order: string[] = [];
    const lease = async (name: string, length: number): Promise<PartBuffer> => {
      const part = await buffers.lease(length);
      order.push(name);
      return part;
    };
    const large = lease('large', 2 * PAGE);
    const small = lease('small', PAGE);
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);

    d?.release();

    (await large).release();
    await small;
    expect(order).toEqual(['large', 'small']);
    b?.release();
  });

  it('releases a lease once', async () => {
    const budget = new ByteBudget(2 * PAGE);
    const buffers = new PartBuffers(budget);
    const [a, b] = [await buffers.lease(PAGE), await buffers.lease(PAGE)];
    a.release();
    const c = await buffers.lease(PAGE);
    a.release();

    expect(budget.inUse).toBe(2 * PAGE);
    expect(c.bytes.byteOffset).not.toBe(b.bytes.byteOffset);
  });

  it('lets a part through that is larger than everything, alone', async () => {
    const budget = new ByteBudget(PAGE);
    const huge = await new PartBuffers(budget).lease(3 * PAGE);

    expect(huge.bytes.length).toBe(3 * PAGE);
    huge.release();
    expect(budget.inUse).toBe(0);
  });

  it('gives the budget back when it is interrupted while it waits', async () => {
    const budget = new ByteBudget(3 * PAGE);
    const buffers = new PartBuffers(budget);
    const [a, , c] = await Promise.all([PAGE, PAGE, PAGE].map((length) => buffers.lease(length)));
    a?.release();
    c?.release();
    const controller = new AbortController();
    const waiting = buffers.lease(2 * PAGE, controller.signal);
    controller.abort(new Error('interrupted'));

    await expect(waiting).rejects.toThrow('interrupted');
    expect(budget.inUse).toBe(PAGE);
  });
});
