"""Who speaks: people who are seen and heard as one scene, by variational inference."""
