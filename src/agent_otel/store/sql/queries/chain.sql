-- name: chain
-- The whole tree that an execution belongs to.
SELECT * FROM agent_chain(%(id)s)

-- name: family
-- An execution and all that it delegated, in order; each with its depth and its parent. A cycle is cut.
SELECT cardinality(m.path) - array_position(m.path, %(id)s) AS depth, m.parent AS delegated_by, a.*
FROM chain_members(%(id)s, false) m
JOIN agent_executions a USING (execution_id)
WHERE %(id)s = ANY (m.path)
ORDER BY 1, a.started_at, a.execution_id
