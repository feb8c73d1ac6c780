import { routerCheckSuite } from "../../test/suites/router-check.ts";

routerCheckSuite();
