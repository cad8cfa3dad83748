import { resolve } from 'node:path';
import { type ConfigOptions, KubeConfig, type User } from '@kubernetes/client-node';

/**
 * The kubeconfigs of these files as one, of which the first that says something has the say; without
 * files that of ~/.kube/config, or of the cluster that the program runs in.
 *
 * As in kubectl a user may have its token in a file, which client-node 2.0.1 does not read: its user
 * would be nobody. The file counts where there is a token beside it, is read again now and then, and
 * starts at the folder of the kubeconfig unless its path is absolute (kubernetes/client-go:
 * tools/clientcmd/api/types.go, tools/clientcmd/loader.go).
 *
 * Rejects where a file cannot be read.
 */
export async function kubeConfigOfFiles(files: readonly string[]): Promise<KubeConfig> {
  const [first = await load(), ...others] = await Promise.all(files.map(load));
  for (const other of others) first.mergeConfig(other, Boolean(first.currentContext));
  return first;
}

async function load(file?: string): Promise<KubeConfig> {
  const loaded = new TextKubeConfig();
  if (file === undefined) loaded.loadFromDefault();
  else loaded.loadFromFile(file);
  const { text, folder } = loaded;
  // Few have them, and reading YAML takes megabytes of memory.
  const tokenFiles = text.includes('tokenFile') ? await tokenFilesIn(text) : undefined;
  loaded.users = loaded.users.map((user) => {
    const file = tokenFiles?.get(user.name);
    return file ? byTokenFile(user, resolve(folder, file)) : user;
  });
  return loaded;
}

/** One that keeps what it was read from. */
class TextKubeConfig extends KubeConfig {
  text = '';
  /** Where relative paths start. */
  folder = '';

  override loadFromString(text: string, options?: Partial<ConfigOptions>): void {
    super.loadFromString(text, options);
    this.text = text;
  }

  override makePathsAbsolute(folder: string): void {
    super.makePathsAbsolute(folder);
    this.folder = folder;
  }
}

/** As much of a kubeconfig as is read here; client-node has found it well-formed. */
interface Kubeconfig {
  readonly users?: readonly {
    readonly name: string;
    readonly user?: { readonly tokenFile?: string };
  }[];
}

/** The files of tokens by the names of their users. */
async function tokenFilesIn(text: string): Promise<ReadonlyMap<string, string | undefined>> {
  const { parse } = await import('yaml');
  const { users = [] } = parse(text) as Kubeconfig;
  return new Map(users.map(({ name, user }) => [name, user?.tokenFile]));
}

/** In the words by which client-node has the token of a pod. */
function byTokenFile({ token: _, ...user }: User, tokenFile: string): User {
  return { ...user, authProvider: { name: 'tokenFile', config: { tokenFile } } };
}
