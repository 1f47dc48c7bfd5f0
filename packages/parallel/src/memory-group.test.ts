import { memoryGroups } from "./memory-group.js";
import { groupSuite } from "./testing/group-suite.js";

groupSuite("in memory", async (size, options = {}) => ({
  ...memoryGroups(size, options),
  close: async () => {},
}));
