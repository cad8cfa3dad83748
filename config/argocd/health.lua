-- How Argo CD sees a KubernetesImagePuller. The ConfigMap argocd-cm takes this text under the key
-- resource.customizations.health.che.eclipse.org_KubernetesImagePuller.

local function condition(type)
  for _, candidate in ipairs((obj.status or {}).conditions or {}) do
    if candidate.type == type then
      return candidate
    end
  end
  return { status = "Unknown", message = "" }
end

local function health(status, message)
  return { status = status, message = message }
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "being deleted")
end

if (obj.status or {}).observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "the operator has not seen this state of the puller yet")
end

local stalled = condition("Stalled")
if stalled.status == "True" then
  return health("Degraded", stalled.message)
end

local ready = condition("Ready")
if ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.message)
