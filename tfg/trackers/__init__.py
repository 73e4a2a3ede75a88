"""Trackers, one file each: mirrors of a run's own files in wandb, TensorBoard or MLflow. Our files are the truth."""
