import { MemoryJobStore } from "./memory-job-store.js";
import { jobStoreSuite } from "./testing/job-store-suite.js";

jobStoreSuite("MemoryJobStore", async () => ({ store: new MemoryJobStore(), close: async () => {} }));
