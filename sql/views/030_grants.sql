-- What the application role may read besides the views. It writes through functions only.
GRANT SELECT ON crier.workspace, crier.workspace_member, crier.social_account, crier.post, crier.post_tag, crier.post_target,
    crier.job, crier.job_outcome, crier.job_retry, crier.job_progress, crier.job_log, crier.event, crier.account_limit,
    crier.limit_block, crier.account_action, crier.post_metrics, crier.webhook_event, crier.account_slots, crier.slot_booking,
    crier.schedule, crier.schedule_occurrence, crier.schedule_item, crier.schedule_account TO crier_app;
