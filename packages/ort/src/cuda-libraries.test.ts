import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LibraryLookup, libraryLookup, missingCudaLibrary } from "./cuda-libraries.js";

const PROVIDERS = ["/ort/libonnxruntime_providers_shared.so", "/ort/libonnxruntime_providers_cuda.so"];
const cannotOpen = (library: string): string =>
  `${library}: cannot open shared object file: No such file or directory`;

/** A machine with these files, whose loader refuses these libraries. */
const machine = (
  files: readonly string[],
  refused: Readonly<Record<string, string>> = {},
): LibraryLookup => ({
  folder: "/ort",
  exists: (file) => files.includes(file),
  refusal: (library) => refused[library],
});

describe("missingCudaLibrary", () => {
  it("names the providers that are not beside ONNX Runtime", () => {
    assert.equal(
      missingCudaLibrary(machine([])),
      "libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so are not in /ort",
    );
    assert.equal(
      missingCudaLibrary(machine(PROVIDERS.slice(1))),
      "libonnxruntime_providers_shared.so is not in /ort",
    );
  });

  it("names the library that the loader does not find, and where it comes from", () => {
    const provider = "/ort/libonnxruntime_providers_cuda.so";
    const refusing = (reason: string): LibraryLookup => machine(PROVIDERS, { [provider]: reason });
    assert.equal(
      missingCudaLibrary(refusing(cannotOpen("libcublasLt.so.13"))),
      "libcublasLt.so.13 was not found: put its folder into LD_LIBRARY_PATH",
    );
    assert.equal(
      missingCudaLibrary(refusing(cannotOpen("libcuda.so.1"))),
      "libcuda.so.1 was not found: it comes with the NVIDIA driver",
    );
    assert.equal(
      missingCudaLibrary(refusing("version `GLIBCXX_3.4.32' not found")),
      "a CUDA library does not load: version `GLIBCXX_3.4.32' not found",
    );
  });

  it("asks for cuDNN, which the provider is not linked with", () => {
    const lookup = machine(PROVIDERS, { "libcudnn.so.9": cannotOpen("libcudnn.so.9") });
    assert.equal(
      missingCudaLibrary(lookup),
      "libcudnn.so.9 was not found: put its folder into LD_LIBRARY_PATH",
    );
  });

  it("says nothing where all libraries load", () => {
    assert.equal(missingCudaLibrary(machine(PROVIDERS)), undefined);
  });
});

describe("libraryLookup", () => {
  it("looks where onnxruntime-node has its library", () => {
    const { folder, exists } = libraryLookup();
    assert.ok(exists(`${folder}/onnxruntime_binding.node`), folder);
  });

  it("asks the machine's loader", () => {
    const { refusal } = libraryLookup();
    assert.equal(refusal("libm.so.6"), undefined);
    assert.match(refusal("libnothing.so.1") ?? "", /^libnothing\.so\.1: cannot open/);
  });
});
