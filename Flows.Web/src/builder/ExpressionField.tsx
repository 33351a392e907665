export { ExpressionField } from "./fields/ExpressionField";
export { JsonField } from "./fields/JsonField";
