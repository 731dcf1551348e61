import { FreePlaces } from '../../../../runtime/repository/points/free-places';
import { MemoryStorage } from '../../../../runtime/storage/memory-storage';
import { CountingStorage } from '../../../helpers/counting-storage';
import { sourceOf } from '../../../helpers/buffer-source';

const PARENT = 'blocks/team-a/';

let storage: CountingStorage;
let places: FreePlaces;
let time: number;

beforeEach(() => {
  storage = new CountingStorage(new MemoryStorage());
  places = new FreePlaces(storage);
  time = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => time);
});
afterEach(() => jest.restoreAllMocks());

const put = (key: string): Promise<unknown> => storage.put(key, sourceOf(Buffer.from('x')));

describe('free places', () => {
  it('are found by one listing for all that are asked for in order, at once or one after the other', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `${PARENT}${n}`);
    expect(await Promise.all(names.map((name) => places.isFree(name)))).toEqual(names.map(() => true));
    expect(await places.isFree(`${PARENT}9`)).toBe(true);
    expect(storage.counts.list).toBe(1);
  });

  it('are not those where an interrupted run left something', async () => {
    await put(`${PARENT}3/data.parquet`);
    const names = [1, 2, 3, 4].map((n) => `${PARENT}${n}`);
    const found = [];
    for (const name of names) found.push(await places.isFree(name));
    expect(found).toEqual([true, true, false, true]);
    expect(storage.counts.list).toBe(1);
  });

  it('are asked for again after five seconds, as another writer may have come', async () => {
    await places.isFree(`${PARENT}1`);
    await put(`${PARENT}3/data.parquet`);
    time = 5000;
    expect(await places.isFree(`${PARENT}3`)).toBe(false);
    expect(storage.counts.list).toBe(2);
  });

  it('are known no further than a page of the listing goes', async () => {
    for (let n = 1; n <= 1100; n++) await put(`${PARENT}${String(n).padStart(4, '0')}/data.parquet`);
    expect(await places.isFree(`${PARENT}0000`)).toBe(true);
    expect(await places.isFree(`${PARENT}0500`)).toBe(false);
    expect(storage.counts.list).toBe(1);
    expect(await places.isFree(`${PARENT}1050`)).toBe(false);
    expect(await places.isFree(`${PARENT}2000`)).toBe(true);
    expect(storage.counts.list).toBe(2);
  });

  it('are kept apart by tenant', async () => {
    await put('blocks/team-b/1/data.parquet');
    expect(await places.isFree(`${PARENT}1`)).toBe(true);
    expect(await places.isFree('blocks/team-b/1')).toBe(false);
  });
});
