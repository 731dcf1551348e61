import { parseBlockMeta } from '../../../../runtime/tempo/block/block-meta';

const OF_2_9 =
  '{"format":"vParquet4","blockID":"51d1ee81-c3a7-4020-828c-8e1e645fdc1b","tenantID":"team-a","startTime":"2026-11-23T07:53:55Z","endTime":"2026-11-23T07:53:55.123+01:00","totalObjects":25,"size":34603,"compactionLevel":0,"encoding":"none","indexPageSize":0,"totalRecords":1,"dataEncoding":"","bloomShards":1,"footerSize":17393}';
const OF_3_0 =
  '{"format":"vParquet4","blockID":"016d60db-3acf-4ed8-bb45-b7f983fbef48","tenantID":"team-a","startTime":"2026-11-23T07:55:33Z","endTime":"2026-11-23T07:55:55Z","totalObjects":35,"size":42794,"compactionLevel":1,"totalRecords":1,"bloomShards":1,"footerSize":19102,"dedicatedColumns":[{"n":"http.route"}],"replicationFactor":1}';

describe('parseBlockMeta', () => {
  it('reads what 2.9 writes', () => {
    expect(parseBlockMeta(Buffer.from(OF_2_9))).toMatchObject({
      size: 34603,
      footerSize: 17393,
      replicationFactor: 0,
      encoding: 'none',
    });
  });

  it('reads what 3.0 writes, which leaves out empty values', () => {
    expect(parseBlockMeta(Buffer.from(OF_3_0))).toMatchObject({
      compactionLevel: 1,
      replicationFactor: 1,
      encoding: '',
      dataEncoding: '',
    });
  });

  it('throws on every beginning of a meta.json that is being written', () => {
    for (let length = 0; length < OF_2_9.length; length++) {
      expect(() => parseBlockMeta(Buffer.from(OF_2_9.slice(0, length)))).toThrow();
    }
  });

  it.each([
    ['no object', 'null'],
    ['a block ID that is none', OF_2_9.replace('51d1ee81', 'x')],
    ['a negative size', OF_2_9.replace('34603', '-1')],
    ['a size beyond what a number can hold', OF_2_9.replace('34603', '1e300')],
    ['an absurd number of blooms', OF_2_9.replace('"bloomShards":1', '"bloomShards":4000000')],
  ])('throws on %s', (_, text) => {
    expect(() => parseBlockMeta(Buffer.from(text))).toThrow(SyntaxError);
  });
});
