// Why ONNX Runtime's CUDA provider does not load. ONNX Runtime itself says no more than "Failed to load shared library".
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** What looks at this machine. */
export interface LibraryLookup {
  /** Where ONNX Runtime looks for its providers. */
  readonly folder: string;
  exists(file: string): boolean;
  /** Why the loader refuses a library, by path or by name; undefined when it takes it. */
  refusal(library: string): string | undefined;
}

const PROVIDERS = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"] as const;
/** Not linked by the provider, but opened by it for convolutions and attention. */
const CUDNN = "libcudnn.so.9";

/** One sentence that says what is missing and what brings it; undefined when all libraries load. */
export function missingCudaLibrary({ folder, exists, refusal }: LibraryLookup): string | undefined {
  const absent = PROVIDERS.filter((name) => !exists(join(folder, name)));
  if (absent.length > 0)
    return `${absent.join(" and ")} ${absent.length > 1 ? "are" : "is"} not in ${folder}`;
  const reason = refusal(join(folder, "libonnxruntime_providers_cuda.so")) ?? refusal(CUDNN);
  if (reason === undefined) return undefined;
  // As glibc puts it: "libcublas.so.13: cannot open shared object file: No such file or directory".
  const library = /^(lib[\w.+-]+): cannot open shared object file/.exec(reason)?.[1];
  if (library === undefined) return `a CUDA library does not load: ${reason}`;
  if (library.startsWith("libcuda.so")) return `${library} was not found: it comes with the NVIDIA driver`;
  return `${library} was not found: put its folder into LD_LIBRARY_PATH`;
}

/** Looks at this machine, where onnxruntime-node lies. */
export function libraryLookup(): LibraryLookup {
  const entry = createRequire(import.meta.url).resolve("onnxruntime-node");
  const folder = join(dirname(entry), "..", "bin", "napi-v6", process.platform, process.arch);
  return { folder, exists: existsSync, refusal };
}

/** Node opens addons only, but complains about one that is none after the loader has taken it. */
function refusal(library: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY);
    return undefined;
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    return message.startsWith("Module did not self-register") ? undefined : message;
  }
}
