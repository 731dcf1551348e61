import * as pulumi from '@pulumi/pulumi';

/** What the program asked the engine for, options included: read from the very request that would go to a real one. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  /** URN of the parent. */
  readonly parent: string;
  readonly urn: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  /** URNs of what it must wait for, by `dependsOn` or through its inputs. */
  readonly dependencies: readonly string[];
  /** Where it was known before, as `parent name`; '' is the stack, and a name that stayed. */
  readonly aliases: readonly string[];
  /** Of the existing resource that it takes over; '' for a new one. */
  readonly importId: string;
  /** Whether it was only looked up. */
  readonly read: boolean;
}

/** A gRPC message, as far as it is looked at here. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject?(): { toJavaScript(): Record<string, unknown> } | undefined;
  getProtect?(): boolean | undefined;
  getRetainondelete?(): boolean | undefined;
  getDependenciesList(): string[];
  getImportid?(): string;
  getAliasesList?(): { getSpec(): { getParenturn(): string; getName(): string } | undefined }[];
}

interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Record<string, unknown> } | undefined;
}

type OutputsCall = (request: OutputsRequest, callback: unknown) => unknown;
type Callback = (error: unknown, response: { getUrn(): string } | undefined) => void;
type Call = (request: RegisterRequest, callback: Callback) => unknown;

/** Outputs that providers compute; region and name of buckets come from their inputs. */
function outputsOf({ type, name, inputs, id }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  const given = inputs as Record<string, unknown>;
  const service = type.split(':')[1]?.split('/')[0] ?? '';
  if (type === 'aws:s3/bucket:Bucket') {
    const { bucket = id || `${name}-0a1b2c3` } = given as { bucket?: string };
    return { region: 'eu-west-1', ...given, bucketRegion: 'eu-west-1', bucket, arn: `arn:aws:s3:::${bucket}` };
  }
  return { name: `${name}-0a1b2c3`, arn: `arn:aws:${service}::123456789012:${name}`, ...given };
}

const MOCKS: pulumi.runtime.Mocks = {
  newResource: (args) => ({ id: args.id || `${args.name}-id`, state: outputsOf(args) }),
  call: ({ token }) => {
    if (token === 'aws:index/getCallerIdentity:getCallerIdentity') return { accountId: '123456789012' };
    throw new Error(`unexpected call of ${token}`);
  },
};

/** Runs a program as a stack and records what it registers. A name that is taken fails it, as with a real engine. */
export class RecordingEngine {
  static async run<T>(program: () => T | Promise<T>): Promise<RecordingEngine & { readonly made: T }> {
    const engine = new RecordingEngine();
    const made = await engine.execute(program);
    if (engine.taken.length > 0) throw new Error(`names are taken: ${engine.taken.join(', ')}`);
    return Object.assign(engine, { made });
  }

  readonly resources: Registered[] = [];
  /** What components said of themselves, by URN. */
  readonly outputs = new Map<string, Readonly<Record<string, unknown>>>();
  private readonly taken: string[] = [];

  async execute<T>(program: () => T | Promise<T>): Promise<T> {
    await pulumi.runtime.setMocks(MOCKS, 'project', 'stack', false);
    const monitor = pulumi.runtime.getMonitor() as unknown as Record<'registerResource' | 'readResource', Call>;
    for (const method of ['registerResource', 'readResource'] as const) {
      const original = monitor[method].bind(monitor);
      monitor[method] = (request, callback) =>
        original(request, (error, response) => {
          if (response) this.record(request, response.getUrn(), method === 'readResource');
          callback(error, response);
        });
    }
    this.recordOutputs(monitor);
    try {
      return await program();
    } finally {
      // Also where the program threw: what it had asked for until then must not reach the next engine.
      await pulumi.runtime.disconnect();
    }
  }

  /** The only resource of that name and type; the type may be shortened to what follows its last colon. */
  find(name: string, type: string): Registered {
    const found = this.resources.filter((each) => each.name === name && each.type.split(':').at(-1) === type);
    const [only] = found;
    if (!only || found.length > 1)
      throw new Error(`${found.length} resources of type ${type} are named '${name}' among ${this.names().join(', ')}`);
    return only;
  }

  /** Those of a type, in the order of their registration. */
  ofType(type: string): Registered[] {
    return this.resources.filter((each) => each.type.split(':').at(-1) === type);
  }

  /** `Type name` of all, sorted. */
  names(): string[] {
    return this.resources.map(({ type, name }) => `${type.split(':').at(-1) ?? ''} ${name}`).sort();
  }

  private recordOutputs(monitor: object): void {
    const { registerResourceOutputs: original } = monitor as { registerResourceOutputs: OutputsCall };
    const recording: OutputsCall = (request, callback) => {
      this.outputs.set(request.getUrn(), request.getOutputs()?.toJavaScript() ?? {});
      return original.call(monitor, request, callback);
    };
    Object.assign(monitor, { registerResourceOutputs: recording });
  }

  private record(request: RegisterRequest, urn: string, read: boolean): void {
    if (this.resources.some((known) => known.urn === urn)) this.taken.push(urn);
    this.resources.push({
      type: request.getType(),
      name: request.getName(),
      parent: request.getParent(),
      urn,
      inputs: request.getObject?.()?.toJavaScript() ?? {},
      protect: request.getProtect?.() ?? false,
      retainOnDelete: request.getRetainondelete?.() ?? false,
      dependencies: request.getDependenciesList(),
      aliases:
        request
          .getAliasesList?.()
          .flatMap((alias) => alias.getSpec() ?? [])
          .map((spec) => `${spec.getParenturn()} ${spec.getName()}`) ?? [],
      importId: request.getImportid?.() ?? '',
      read,
    });
  }
}

/** A value that is known once the program has run. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
