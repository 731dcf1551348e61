import {
  DocumentError,
  FORMAT_VERSION,
  indexSchema,
  manifestSchema,
  parseDocument,
  repositorySchema,
} from '../../../lib/contract/manifest';

const IDENTITY = { format: 1, id: '0b9df5a4-4c3f-4f0e-9f43-1c8d3a3c7b11', createdAt: '2026-11-23T08:30:00.000Z' };

function read(document: unknown) {
  return parseDocument(repositorySchema, "'repository.json'", JSON.stringify(document));
}

function failure(action: () => unknown): DocumentError {
  try {
    action();
  } catch (error) {
    if (error instanceof DocumentError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a document of the repository', () => {
  it('is read when this release or an older one wrote it', () => {
    expect(read(IDENTITY)).toEqual(IDENTITY);
  });

  it('is refused by its format when a newer release wrote it, whatever else is in it', () => {
    const error = failure(() => read({ format: FORMAT_VERSION + 1, surprise: true }));
    expect(error.newer).toBe(true);
    expect(error.message).toBe("'repository.json' has format 2, this release reads up to 1; use a newer tempo-backup");
  });

  it.each([
    ['{', "'repository.json' is damaged: it isn't JSON"],
    ['', "'repository.json' is damaged: it isn't JSON"],
    ['null', "'repository.json' is damaged"],
    ['{"id":"x"}', "'format'"],
    [JSON.stringify({ ...IDENTITY, id: 'x' }), "'repository.json' is damaged: 'id'"],
    [JSON.stringify({ ...IDENTITY, format: 0 }), "'repository.json' is damaged: 'format'"],
  ])('is refused as damaged when it is %j', (text, message) => {
    const error = failure(() => parseDocument(repositorySchema, "'repository.json'", text));
    expect(error.newer).toBe(false);
    expect(error.message).toContain(message);
  });

  it.each([{ size: -1 }, { size: 1e300 }, { sha256: 'abc' }])(
    'is refused as damaged when it names a file with %j',
    (change) => {
      const file = { size: 10, sha256: 'a'.repeat(64), ...change };
      const block = {
        id: IDENTITY.id,
        seen: '1-2-3',
        format: 'vParquet4',
        start: IDENTITY.createdAt,
        end: IDENTITY.createdAt,
        objects: 1,
        level: 0,
        replicationFactor: 1,
      };
      const index = (size: number, sha256: string) =>
        JSON.stringify({ format: 1, tenant: 'a', blocks: [{ ...block, files: [['meta.json', size, sha256]] }] });
      expect(() => parseDocument(indexSchema, 'the index', index(10, 'a'.repeat(64)))).not.toThrow();
      expect(() => parseDocument(indexSchema, 'the index', index(file.size, file.sha256))).toThrow(
        'the index is damaged',
      );
    },
  );
});

describe('a manifest', () => {
  const sha256 = 'a'.repeat(64);
  const config = { name: 'tempo.yaml', kind: 'yaml', key: `config/${sha256}.yaml`, size: 10, sha256 };
  const OLDER = {
    ...{ format: 1, id: '2026-11-23T08-30-00Z-7f3a', repository: IDENTITY.id, createdAt: IDENTITY.createdAt },
    ...{ cutAt: IDENTITY.createdAt, scope: 'all', rule: null, deleteAfter: null, pin: null, runner: '0.1.0' },
    source: { name: 'tempo', tracesPath: 'traces', walPath: 'wal', tempoVersion: null },
    ...{ suspect: [], baseline: null, damaged: [], tenants: [], wal: [], config: [config] },
  };
  const object = { apiVersion: 'v1', kind: 'Secret', namespace: 'monitoring', name: 'tempo-s3' };

  function readManifest(changes: object): unknown {
    return parseDocument(manifestSchema, 'the manifest', JSON.stringify({ ...OLDER, ...changes }));
  }

  it('of an older release is read as it is', () => {
    expect(readManifest({})).toEqual(OLDER);
  });

  it('says what is in it, how it was flushed, and how Secrets are encrypted', () => {
    const encryption = {
      recipients: [{ file: sha256, fingerprints: ['0f'] }],
      ...{ passphrase: null, uid: 'u', resourceVersion: '7' },
    };
    const newer = {
      components: ['blocks', 'secrets'],
      bytes: 10,
      flush: { asked: true, reached: false, waitedMs: 1000, open: ['a/b'], reason: 'late' },
      source: { ...OLDER.source, storage: 'local' },
      config: [{ ...config, object, encryption }],
    };
    expect(readManifest(newer)).toEqual({ ...OLDER, ...newer });
  });

  it.each([{ name: '../x' }, { namespace: 'a/b' }, { kind: 'Pod/exec' }, { apiVersion: '../v1' }])(
    'is refused as damaged when it names an object with %j',
    (change) => {
      expect(() => readManifest({ config: [{ ...config, object: { ...object, ...change } }] })).toThrow(
        'the manifest is damaged',
      );
    },
  );
});
