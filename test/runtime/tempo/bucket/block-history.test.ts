import type { ObjectVersion, VersionedBucket } from '../../../../runtime/storage/bucket';
import { readHistory } from '../../../../runtime/tempo/bucket/block-history';

const BLOCK = '274bd888-53b9-42dc-adfe-d9e6ecfc6f2b';
const START = Date.parse('2026-11-01T00:00:00Z');

/** As many versions of one object, newest first, each made only when it is asked for. */
async function* versions(count: number): AsyncGenerator<ObjectVersion> {
  for (let index = 0; index < count; index++)
    yield {
      ...{ key: `team-a/${BLOCK}/meta.json`, id: String(index).padStart(8, '0') },
      ...{ modifiedAt: new Date(START + (count - index) * 1000), isLatest: index === 0 },
      content: { size: 1, etag: 'x' },
    };
}

const bucketOf = (count: number) =>
  ({ versions: () => versions(count) }) as Partial<VersionedBucket> as VersionedBucket;

describe('the history of a block', () => {
  it('takes no more memory with 10,000 versions of an object than with ten', async () => {
    const read = async (count: number) => {
      const to = new Date(START + 5500);
      const history = await readHistory(bucketOf(count), [], { to, signal: new AbortController().signal });
      return history.blocks.map(({ files }) => [...files.values()]);
    };
    const [few, many] = [await read(10), await read(10_000)];
    expect(JSON.stringify(many)).toHaveLength(JSON.stringify(few).length);
    expect(many).toMatchObject([[{ then: { id: '00009995' }, now: { id: '00000000' }, oldest: { id: '00009999' } }]]);
  });
});
