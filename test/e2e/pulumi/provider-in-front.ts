import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import {
  Client,
  credentials,
  type handleUnaryCall,
  type MethodDefinition,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import { ResourceProviderService } from '@pulumi/pulumi/proto/provider_grpc_pb';
import {
  CheckResponse,
  type CheckRequest,
  type CreateRequest,
  CreateResponse,
  type DiffRequest,
  DiffResponse,
  type UpdateRequest,
  UpdateResponse,
} from '@pulumi/pulumi/proto/provider_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb';
import { FURTHER_TYPES, type FurtherType } from './further-types';

type Inputs = Record<string, unknown>;
type Method = MethodDefinition<unknown, unknown>;

/** The engine's mark of a value that isn't known in a preview. */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** A provider that knows some more types than the installed one, to which it passes everything else on. */
export class ProviderInFront {
  static async start(endpoint: string, pulumiHome: string): Promise<ProviderInFront> {
    const plugins = join(pulumiHome, 'plugins');
    const [folder = ''] = readdirSync(plugins).filter((name) => /^resource-aws-v[\d.]+$/.test(name));
    const behind = spawn(join(plugins, folder, 'pulumi-resource-aws'), { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port = ''] = await new Promise<string[]>((resolve) => {
      createInterface({ input: behind.stdout }).once('line', (line: string) => resolve([line]));
    });
    const provider = new ProviderInFront(
      endpoint,
      behind,
      new Client(`127.0.0.1:${port}`, credentials.createInsecure()),
    );
    await provider.listen();
    return provider;
  }

  private port = 0;
  private readonly server = new Server();

  private constructor(
    private readonly endpoint: string,
    private readonly behind: ChildProcess,
    private readonly client: Client,
  ) {}

  /** Has the engine ask this provider for what is of AWS. */
  get env(): Readonly<Record<string, string>> {
    return { PULUMI_DEBUG_PROVIDERS: `aws:${this.port}` };
  }

  stop(): void {
    this.server.forceShutdown();
    this.client.close();
    this.behind.kill();
  }

  private async listen(): Promise<void> {
    const methods = Object.entries(ResourceProviderService as unknown as Record<string, Method>);
    const unary = methods.filter(([, { responseStream }]) => !responseStream);
    this.server.addService(
      ResourceProviderService,
      Object.fromEntries(unary.map(([name, method]) => [name, this.handler(name, method)])),
    );
    this.port = await new Promise((resolve, reject) => {
      this.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  private handler(name: string, method: Method): handleUnaryCall<unknown, unknown> {
    // How the engine greets a provider that it didn't start itself.
    if (name === 'attach') return (_, done) => done(null, new Empty());
    const own = OWN_METHODS[name];
    return ({ request }, done) => {
      const type = own && furtherType(request as { getUrn(): string });
      if (own && type) {
        own(request, type, this.endpoint).then(
          (response) => done(null, response),
          (error: unknown) => done({ code: 2, details: String(error) }),
        );
        return;
      }
      const { path, requestSerialize, responseDeserialize } = method;
      this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done);
    };
  }
}

type OwnMethod = (request: unknown, type: FurtherType, endpoint: string) => Promise<unknown>;

const OWN_METHODS: Readonly<Record<string, OwnMethod>> = {
  check: async (request, type) => check(request as CheckRequest, type),
  diff: async (request) => diff(request as DiffRequest),
  create: (request, type, endpoint) => create(request as CreateRequest, type, endpoint),
  update: (request, type, endpoint) => update(request as UpdateRequest, type, endpoint),
  delete: async () => new Empty(),
};

function furtherType(request: { getUrn(): string }): FurtherType | undefined {
  return FURTHER_TYPES[request.getUrn().split('::')[2]?.split('$').at(-1) ?? ''];
}

function check(request: CheckRequest, { namedBy }: FurtherType): CheckResponse {
  const inputs = plain(request.getNews());
  const response = new CheckResponse();
  const name = request.getUrn().split('::').at(-1);
  response.setInputs(struct({ ...inputs, [namedBy]: inputs[namedBy] ?? name }));
  return response;
}

function diff(request: DiffRequest): DiffResponse {
  const response = new DiffResponse();
  const same = isDeepStrictEqual(plain(request.getOldInputs()), plain(request.getNews()));
  const { DIFF_NONE, DIFF_SOME } = DiffResponse.DiffChanges;
  response.setChanges(same ? DIFF_NONE : DIFF_SOME);
  return response;
}

async function create(request: CreateRequest, type: FurtherType, endpoint: string): Promise<CreateResponse> {
  const inputs = plain(request.getProperties());
  const response = new CreateResponse();
  const unknown = Object.fromEntries(type.computed.map((key) => [key, UNKNOWN]));
  const outputs = request.getPreview() ? unknown : await type.put(endpoint, inputs);
  if (!request.getPreview()) response.setId(String(inputs[type.namedBy]));
  response.setProperties(struct({ ...inputs, ...outputs }));
  return response;
}

async function update(request: UpdateRequest, type: FurtherType, endpoint: string): Promise<UpdateResponse> {
  const response = new UpdateResponse();
  const inputs = plain(request.getNews());
  const outputs = request.getPreview() ? {} : await type.put(endpoint, inputs);
  response.setProperties(struct({ ...plain(request.getOlds()), ...inputs, ...outputs }));
  return response;
}

function plain(message: Struct | undefined): Inputs {
  return message?.toJavaScript() ?? {};
}

function struct(value: Inputs): Struct {
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(value)) as Parameters<typeof Struct.fromJavaScript>[0]);
}
