import { MemoryBlobStore } from "./memory-blob-store.js";
import { blobStoreSuite } from "./testing/blob-store-suite.js";

blobStoreSuite("MemoryBlobStore", async () => ({ blobs: new MemoryBlobStore(), close: async () => {} }));
