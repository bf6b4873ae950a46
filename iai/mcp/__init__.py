"""The memory as an MCP server: a thin client of the group, for any host that speaks MCP."""
