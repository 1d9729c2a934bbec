//! Who is told when a restore has ended.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::DisplayErrorContext;
use model::Failure;
use restore::report::Message;

use crate::Failed;

/// The SNS topic of a stack.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic `arn`.
    pub fn new(config: &SdkConfig, arn: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            arn: arn.into(),
        }
    }

    /// The account that the topic is in, as its ARN names it; empty when it names none.
    pub fn account_id(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// Tells the subscribers.
    ///
    /// # Errors
    /// [`Failed`] when the topic does not take it: silence would be taken for a restore that has
    /// not ended.
    pub async fn publish(&self, message: Message) -> Result<(), Failed> {
        let request = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(message.subject)
            .message(message.text);
        let published = request.send().await;
        published.map(drop).map_err(|error| {
            let error = DisplayErrorContext(&error);
            let text = format!("the notification could not be published: {error}");
            Failed::new(Failure::ServiceUnavailable, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_is_not_taken_is_an_error() {
        // Without Region or credentials nothing can be sent.
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .build();
        let topic = Topic::new(&config, "arn:aws:sns:us-west-2:111122223333:t");
        assert_eq!(topic.account_id(), "111122223333");
        let message = Message {
            subject: "s",
            text: "t".into(),
        };
        let error = topic.publish(message).await.unwrap_err();
        assert_eq!(error.failure(), Failure::ServiceUnavailable);
    }
}
